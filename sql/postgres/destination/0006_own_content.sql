-- The team's own content: the score of each recommended item, what would have come in its place, and how well each method of
-- ranking did on the past. Days that were published before have no scores until they are run again. The view of the items is
-- replaced, not dropped, so that it keeps its grants; new columns come last.

alter table acquisition.content_recommendations
add column item_score double precision,
add column popularity_part double precision,
add column personal_part double precision,
add column because_content_id text,
add column next_content_id text,
add column next_score double precision;

create or replace view acquisition.current_content_recommendations as
select
    content_recommendations.date,
    content_recommendations.lead_id,
    content_recommendations.rank,
    content_recommendations.rule,
    content_recommendations.content_type,
    content_recommendations.title,
    content_recommendations.reason,
    content_recommendations.content_id,
    content_recommendations.item_score,
    content_recommendations.popularity_part,
    content_recommendations.personal_part,
    content_recommendations.because_content_id,
    content_recommendations.next_content_id,
    content_recommendations.next_score
from acquisition.content_recommendations
where
    content_recommendations.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'content_recommendations'
    );
comment on view acquisition.current_content_recommendations is
'The rows of content_recommendations of the newest published day.';

create table acquisition.recommender_quality (
    date date not null,
    method text not null,
    family text not null,
    half_life_days double precision,
    popularity_weight double precision,
    leads bigint not null,
    judgements bigint not null,
    ndcg double precision,
    ndcg_low double precision,
    ndcg_high double precision,
    hit double precision,
    hit_low double precision,
    hit_high double precision,
    personal double precision,
    personal_low double precision,
    personal_high double precision,
    coverage double precision,
    gain double precision,
    gain_low double precision,
    gain_high double precision,
    items bigint not null,
    readings bigint not null,
    is_chosen boolean not null,
    reason text not null,
    primary key (date, method)
);

create view acquisition.current_recommender_quality as
select
    recommender_quality.date,
    recommender_quality.method,
    recommender_quality.family,
    recommender_quality.half_life_days,
    recommender_quality.popularity_weight,
    recommender_quality.leads,
    recommender_quality.judgements,
    recommender_quality.ndcg,
    recommender_quality.ndcg_low,
    recommender_quality.ndcg_high,
    recommender_quality.hit,
    recommender_quality.hit_low,
    recommender_quality.hit_high,
    recommender_quality.personal,
    recommender_quality.personal_low,
    recommender_quality.personal_high,
    recommender_quality.coverage,
    recommender_quality.gain,
    recommender_quality.gain_low,
    recommender_quality.gain_high,
    recommender_quality.items,
    recommender_quality.readings,
    recommender_quality.is_chosen,
    recommender_quality.reason
from acquisition.recommender_quality
where
    recommender_quality.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'recommender_quality'
    );
comment on view acquisition.current_recommender_quality is
'The rows of recommender_quality of the newest published day.';
