-- One row and one column: a text that changes when the source has new rows. Each part reads one end of an index.
select
    concat_ws(
        '|',
        (select max(updated_at) from organic_leads),
        (select max(sent_at) from content_engagement),
        (select max(opened_at) from content_engagement),
        (select max(clicked_at) from content_engagement),
        (select max(completed_at) from content_engagement),
        (select max(created_at) from referrals),
        (select max(validated_at) from referrals)
    ) as watermark
