"""Writes a world's leads and events as text twice: with the canonical columns, and as exports that a layout must map.

Leaves the world to world.py and the measurement of both to cases.py.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

CSV, JSON = "CSV", "JSON lines"
FORMS = {CSV: ("csv", "format csv, header"), JSON: ("jsonl", "format json, array false")}
"""How the tables are written: the ending of the files, and the options of the copy."""
LAYOUT = """
name: bench
title: A CRM with a mail log that names its leads by address
files: ['{pattern}']
recognised_by: [{recognised}]
tables:
  {table}:
{mapping}
"""
CONTACTS = """    columns:
      lead_id: Contact ID
      email: E-Mail
      source: Original Source
      utm_source: UTM Source
      utm_medium: UTM Medium
      utm_campaign: UTM Campaign
      referrer_url: First Referrer
      interest_area: Interest
      status:
        from: Lifecycle
        words:
          {lead: new, marketing qualified: nurturing, sales qualified: engaged, customer: converted, lost: inactive}
      engagement_score: Points
      referrer_lead_id: Referred By
      created_at: {from: Created, time: "%d/%m/%Y %H:%M:%S"}
      engaged_at: {from: Qualified, time: "%d/%m/%Y %H:%M:%S"}
      converted_at: {from: Won, time: "%d/%m/%Y %H:%M:%S"}
      unsubscribed_at: {from: Opted Out, time: "%d/%m/%Y %H:%M:%S"}
"""
LOG = """    lead: {by: email, from: Recipient}
    columns:
      event_id: Event
      delivery_id: Message
      event_type:
        from: Action
        words: {delivery: sent, open: opened, click: clicked, finish: completed, bounce: bounced, optout: unsubscribed}
      content_id: Content
      content_type: Kind
      occurred_at: {from: Time, time: epoch_ms}
      is_machine: Machine
"""
WORDS = """
create macro stage(x) as coalesce(map {
    'new': 'Lead', 'nurturing': 'Marketing Qualified', 'engaged': 'Sales Qualified', 'converted': 'Customer',
    'inactive': 'Lost'}[x], x);
create macro action(x) as coalesce(map {
    'sent': 'delivery', 'opened': 'open', 'clicked': 'click', 'completed': 'finish', 'bounced': 'bounce',
    'unsubscribed': 'optout'}[x], x);
create macro clock(x) as strftime(x, '%d/%m/%Y %H:%M:%S');
create macro address(x) as
    coalesce('lead-' || try_cast(regexp_extract(x, '^lead-(\\d+)$', 1) as bigint) || '@example.com', x);
"""
EXPORTED = {
    "leads": """
select
    lead_id as "Contact ID", email as "E-Mail", source as "Original Source", utm_source as "UTM Source",
    utm_medium as "UTM Medium", utm_campaign as "UTM Campaign", referrer_url as "First Referrer",
    interest_area as "Interest", stage(status) as "Lifecycle", engagement_score as "Points",
    referrer_lead_id as "Referred By", clock(created_at) as "Created", clock(engaged_at) as "Qualified",
    clock(converted_at) as "Won", clock(unsubscribed_at) as "Opted Out"
from source
""",
    "events": """
select
    event_id as "Event", address(lead_id) as "Recipient", delivery_id as "Message", action(event_type) as "Action",
    content_id as "Content", content_type as "Kind", epoch_ms(occurred_at) as "Time", is_machine as "Machine"
from source
""",
}
# Canonical times are written as exports write them: without fractions of a second where the layout's have none.
CANONICAL = {
    "leads": "select * replace (strftime(created_at, '%Y-%m-%dT%H:%M:%SZ') as created_at) from source",
    "events": "select * replace (strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%gZ') as occurred_at) from source",
}


def write_texts(world: Path, folder: Path, form: str, *, mapped: bool) -> Path:
    """Write the leads and events of a world, unless they are there; return the folder.

    Args:
        form: one of `FORMS`.
        mapped: whether as exports with layouts, else with the canonical columns.
    """
    ending, options = FORMS[form]
    target = folder / f"{world.name}-{ending}{'-exports' if mapped else ''}"
    if target.exists():
        return target
    made = target.with_name(f"{target.name}.unfinished")
    (made / "events").mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'; set memory_limit = '2GB'; set enable_progress_bar = false")
        connection.execute(WORDS)
        names = {"leads": "contacts", "events": "log"}
        queries = EXPORTED if mapped else CANONICAL
        for table in queries:
            for file in sorted(world.glob(f"{table}.parquet")) + sorted((world / table).glob("*.parquet")):
                name = f"{names[table]}-{file.stem}" if mapped else file.stem
                path = (made / "events" if file.parent != world else made) / f"{name}.{ending}"
                connection.execute(f"create or replace view source as from read_parquet('{file}')")
                connection.execute(f"copy ({queries[table]}) to '{path}' ({options})")
    if mapped:
        (made / "events").rename(made / "mail")
        for table, mapping, recognised in (
            ("leads", CONTACTS, "Contact ID, Lifecycle, Created"),
            ("events", LOG, "Event, Recipient, Action, Time"),
        ):
            text = LAYOUT.format(table=table, mapping=mapping, recognised=recognised, pattern=f"{names[table]}-*")
            text = text.replace("name: bench", f"name: bench-{table}")
            (made / f"{table}.layout.yaml").write_text(text, encoding="utf-8")
    made.rename(target)
    return target
