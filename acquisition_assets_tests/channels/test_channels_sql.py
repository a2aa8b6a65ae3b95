"""Protects the reduction of leads to distinct channel fields: SQL and Python agree."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition_assets.channels.classify import Classifier, channel_table
from acquisition_assets.channels.policy import ChannelPolicy
from acquisition_assets.channels.reduce import (
    FIELDS,
    campaign_words,
    hosts_with_paths,
    reduce_lead,
    reduction_parameters,
    split_combination,
)
from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.engine.spark_dialect import to_spark
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets_tests.kit.channel_vectors import PLATFORMS, SHIPPED, vectors

RULES = [{"name": "a", "channel_class": "referral", "utm_campaign_words": ["hannover", "feria"]}]
POLICY = ChannelPolicy.model_validate({**SHIPPED, "rules": RULES})
QUERIES = (
    "lead_activity/lead_combinations",
    "lead_activity/combinations",
)
COLUMNS = ("source", "utm_source", "utm_medium", "utm_campaign", "referrer_url", "landing_url", "click_ids")
ROWS = [{name: row[name] or None for name in COLUMNS} for row in vectors()]
ROWS += [
    dict.fromkeys(COLUMNS) | given_
    for given_ in (
        {"utm_campaign": "Feria Hannover 2026 shopping"},
        {"referrer_url": "https://x.com/i/grok"},
        {"referrer_url": "https://x.com/i/grokking"},
        {"referrer_url": "https://x.com/home?next=/i/grok"},
        {"referrer_url": "https://portal.example.org/cp/mail/read?x=1"},
        {"referrer_url": "https://www.google.com/?gclid=abc", "landing_url": "https://example.com/?fbclid=x&gclid=y"},
        {"click_ids": "gclid, fbclid"},
        {"landing_url": "https://example.com/?gclid={gclid}&msclkid="},
        {"referrer_url": "https://shop.example.com/a", "landing_url": "https://shop.example.com/b"},
        {"referrer_url": "https://example.com/a", "landing_url": "https://www.example.com/b"},
        {"referrer_url": "https://other.example/?u=shop.example.com", "landing_url": "https://shop.example.com/b"},
    )
]


@contextlib.contextmanager
def bound(leads: list[dict[str, Any]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the combinations of these leads and their channels, by the SQL."""
    text = pa.string()
    schema = pa.schema([("lead_id", pa.int64()), *((name, text) for name in (*COLUMNS, "referrer_host"))])
    hosts = [_host(lead["referrer_url"]) for lead in leads]
    rows = [
        {**lead, "lead_id": i, "referrer_host": host} for i, (lead, host) in enumerate(zip(leads, hosts, strict=True))
    ]
    with in_memory() as connection:
        connection.register("raw_leads", pa.Table.from_pylist(rows, schema=schema))
        connection.register("campaign_words", pa.table({"word": pa.array(campaign_words(POLICY), text)}))
        connection.register("path_hosts", pa.table({"host": pa.array(hosts_with_paths(), text)}))
        query = read_sql("lead_activity/lead_combinations")
        connection.execute(f"create temp table lead_combinations as {query}", reduction_parameters(POLICY))
        distinct = connection.sql(read_sql("lead_activity/combinations")).to_arrow_table()
        connection.register("channels", channel_table(distinct, POLICY, PLATFORMS))
        yield connection


def run(leads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The reduced fields and the channel of each lead, in order."""
    with bound(leads) as connection:
        answer = connection.sql(
            "select * from lead_combinations inner join channels using (combination) order by lead_id"
        )
        found = answer.to_arrow_table().to_pylist()
    return [{**row, **split_combination(row["combination"])} for row in found]


def test_leads_with_repaired_fields_are_counted() -> None:
    values = [("face%20book", None), ("news?x=1", None), ("{{source}}", "email"), ("news", "emial"), ("news", "email")]
    blank = dict.fromkeys(COLUMNS)
    with bound([{**blank, "utm_source": source, "utm_medium": medium} for source, medium in values]) as connection:
        found = connection.sql(read_sql("lead_activity/repaired_fields")).to_arrow_table().to_pylist()
    names = ("fields_encoded", "fields_with_junk", "fields_with_placeholders", "mediums_misspelt")
    assert found == [dict.fromkeys(names, 1)]


def _host(url: str | None) -> str | None:
    return reduce_lead(POLICY, referrer_url=url)["referrer_host"]


def test_sql_and_python_reduce_alike_and_every_lead_gets_its_channel() -> None:
    classifier = Classifier(POLICY, PLATFORMS)
    found = run(ROWS)
    assert len(found) == len(ROWS)
    for lead, row in zip(ROWS, found, strict=True):
        fields = reduce_lead(POLICY, **lead)
        assert {name: row[name] for name in FIELDS} == fields, lead
        channel = classifier.classify(**fields)
        assert (row["channel_class"], row["channel"], row["platform"]) == (
            channel.channel_class,
            channel.channel,
            channel.platform,
        )


TEXTS = (
    st.none()
    | st.sampled_from(
        [
            "https://www.bing.com/chat?q=x",
            "https://example.com/?gclid=a&utm_source=b",
            "gclid",
            "x.com/i/grok/",
            "https://a.example/webmail/x",
            "shop",
        ]
    )
    | st.text(alphabet="abcdgilo=&?./:-_ {}ÉÑ", max_size=25)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, TEXTS)), min_size=1, max_size=6))
def test_any_text_is_reduced_alike(leads: list[dict[str, str | None]]) -> None:
    for lead, row in zip(leads, run(leads), strict=True):
        assert {name: row[name] for name in FIELDS} == reduce_lead(POLICY, **lead)


def test_leads_that_differ_in_click_ids_and_pages_only_are_one_combination() -> None:
    leads = [
        dict.fromkeys(COLUMNS)
        | {
            "referrer_url": f"https://www.google.com/search?q={number}",
            "landing_url": f"https://example.com/page{number}?gclid=abc{number}",
            "click_ids": f"gclid=abc{number}",
        }
        for number in range(50)
    ]
    found = run(leads)
    assert len({tuple(row[name] for name in FIELDS) for row in found}) == 1
    assert {row["channel_class"] for row in found} == {"paid_search"}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_can_be_translated_for_spark(name: str) -> None:
    translated = to_spark(read_sql(name))
    assert translated.lower().startswith(("select", "with"))
    assert "$" not in translated


def test_sites_that_no_list_knows_are_classified_alike() -> None:
    media = (None, "referral", "cpc", "email", "social", "video", "promo")
    landings = (None, "https://www.unknown-site.example/", "https://own.example/?gclid=a")
    for host in ("blog.example.org", "unknown-site.example", "own.example", "localhost", "x.com", "mail.example.org"):
        for medium, landing_url, source in itertools.product(media, landings, (None, "fair", "google")):
            given_ = {"utm_medium": medium, "landing_url": landing_url, "utm_source": source}
            fields = reduce_lead(POLICY, referrer_url=f"https://{host}/page", **given_)
            alike = Classifier(POLICY, PLATFORMS)
            for other in ("first.example.net", host):
                found = alike.classify_alike({**fields, "referrer_host": other})
            assert found == Classifier(POLICY, PLATFORMS).classify(**fields), fields
