-- One row per recent business day with events: the day, and a text that changes when the day's events change.
-- The text is the total number of times and a blank, then the number and the maximum of each kind of time.
-- $wanted(column) becomes a condition on the time, and $day(column) the business day of a time.
-- Reads content_engagement by the index of each time column.
with times as (
    select
        1 as kind,
        sent_at as happened_at
    from content_engagement
    where $wanted(sent_at)
    union all
    select
        2 as kind,
        opened_at as happened_at
    from content_engagement
    where $wanted(opened_at)
    union all
    select
        3 as kind,
        clicked_at as happened_at
    from content_engagement
    where $wanted(clicked_at)
    union all
    select
        4 as kind,
        completed_at as happened_at
    from content_engagement
    where $wanted(completed_at)
),

counted as (
    select
        $day(happened_at) as day,
        kind,
        count(*) as number,
        max(happened_at) as latest
    from times
    group by 1, 2
)

select
    day,
    sum(number) || ' ' || string_agg(concat_ws('|', kind, number, latest), ' ' order by kind) as fingerprint
from counted
group by day
