-- Grain: one row per open incident that no other explains, high severity first. Key: id. Reads: staged.
select
    id,
    severity,
    title
from staged
where status = 'open' and parent is null
order by severity, id
