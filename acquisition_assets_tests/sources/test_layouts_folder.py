"""Protects folders of several exports: joined by address, with merged contacts, they equal their canonical files."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.inputs.source import Wanted
from acquisition_assets.sources.files import FileSource
from acquisition_assets_tests.kit.running import compute_day, snapshot

DAY = "2025-09-28"
EXPORTS = Path(__file__).resolve().parents[1] / "data" / "layouts"
CONTACTS = """Record ID;Email;Lifecycle Stage;Create Date;Lead Score;Merged object IDs;Original Source
1;Ana@Example.com;Lead;2025-09-01 10:00;4;;Paid Social
2;bo@example.com;Opportunity;2025-09-02 10:00;;7;Direct Traffic
7;old.bo@example.com;Lead;2025-08-02 10:00;;;Direct Traffic
3;shared@example.com;Customer;2025-09-03 10:00;2;;
4;Shared@example.com;Lead;2025-09-02 09:00;1;;
"""
LEADS = [
    ("1", "Ana@Example.com", "new", "2025-09-01 10:00", "4", "Paid Social"),
    ("2", "bo@example.com", "engaged", "2025-09-02 10:00", "", "Direct Traffic"),
    ("7", "old.bo@example.com", "new", "2025-08-02 10:00", "", "Direct Traffic"),
    ("3", "shared@example.com", "converted", "2025-09-03 10:00", "2", ""),
    ("4", "Shared@example.com", "new", "2025-09-02 09:00", "1", ""),
]
SENDGRID = [
    ("s1", "ana@example.com", "processed", 1758873600, "1", "sent"),
    ("s2", "ANA@example.com", "open", 1758879000, "1", "opened"),
    ("s3", "old.bo@example.com", "processed", 1758873600, "7", "sent"),
    ("s4", "old.bo@example.com", "click", 1758959999, "7", "clicked"),
    ("s5", "ana@example.com", "deferred", 1758873601, "1", "ignore"),
]
MAILGUN = [
    ("g1", "shared@example.com", "accepted", 1758900000, "4", "sent", "2025-09-26 15:20:00+00"),
    ("g2", "shared@example.com", "opened", 1758903600, "4", "opened", "2025-09-26 16:20:00+00"),
]


def table(folder: Path, name: str, header: str, rows: Sequence[Sequence[object]]) -> None:
    """Write a canonical file."""
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header.split(","), *rows])


def test_a_combined_folder_equals_its_canonical_form(tmp_path: Path) -> None:
    exports, canonical = tmp_path / "exports", tmp_path / "canonical"
    (exports / "mail").mkdir(parents=True)
    canonical.mkdir()
    (exports / "hubspot-crm-exports-contacts.csv").write_bytes(CONTACTS.encode("utf-16"))
    log = [
        {
            "sg_event_id": each[0],
            "email": each[1],
            "event": each[2],
            "timestamp": each[3],
            "sg_message_id": f"m-{each[4]}",
        }
        for each in SENDGRID
    ]
    (exports / "mail" / "sendgrid.json").write_text(json.dumps(log), encoding="utf-8")
    lines = [
        {
            "id": each[0],
            "recipient": each[1],
            "event": each[2],
            "timestamp": each[3],
            "log-level": "info",
            "message": {"headers": {"message-id": "n"}},
        }
        for each in MAILGUN
    ]
    text = "".join(json.dumps({"event-data": line}) + "\n" for line in lines)
    (exports / "mail" / "mailgun.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    shutil.copy(EXPORTS / "google-ads-spend" / "stream.json", exports / "ads.json")

    table(canonical, "leads", "lead_id,email,status,created_at,engagement_score,source", LEADS)
    table(canonical, "aliases", "alias_id,lead_id", [("7", "2")])
    events = [(e[0], e[4], f"m-{e[4]}", e[5], e[3], "") for e in SENDGRID]
    events += [(e[0], e[4], f"n:{e[1]}", e[5], e[6], "") for e in MAILGUN]
    columns = "event_id,lead_id,delivery_id,event_type,occurred_at,is_machine"
    spend = [("2025-09-01", "google", "Brand", "12.34", "EUR"), ("2025-09-02", "google", "Brand", "0", "EUR")]
    spend.append(("2025-09-01", "google", "Generic, autumn", "1000.5", "EUR"))
    table(canonical, "spend", "day,utm_source,utm_campaign,amount,currency", spend)
    table(canonical, "events", columns, sorted(events, key=lambda each: each[0]))

    for source in (exports, canonical):
        run = compute_day(source, tmp_path / f"lake-{source.name}", DAY)
        assert run.success, run.errors
    found = snapshot(tmp_path / "lake-exports")
    assert found == snapshot(tmp_path / "lake-canonical")
    assert len(found["raw_events/date=2025-09-26"]) == 5
    assert any("'spend': 1012.84" in row for row in found[f"channel_costs/date={DAY}"])

    run = compute_day(exports, tmp_path / "again", DAY, last_step="ingest")
    assert run.metadata["raw_leads"]["notes"].startswith("1 e-mail address is of several leads")


def test_addresses_that_no_lead_has_become_leads_where_a_layout_asks_for_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    table(source, "leads", "lead_id,email,status,created_at", [("1", "ana@example.com", "new", "2025-09-01")])
    table(source, "aliases", "alias_id,lead_id", [("old@example.com", "1")])
    rows = [("new@example.com", "open", "2025-09-03"), ("New@example.com", "open", "2025-09-02T10:00:00+05:00")]
    rows += [("ana@example.com", "open", "2025-09-04"), ("old@example.com", "open", "2025-09-04"), ("", "open", "")]
    table(source, "log", "Who,What,When", rows)
    layout = (
        "name: ours\ntitle: Our log\nrecognised_by: [Who, What, When]\ntables: {events: {lead: {by: email, from: Who, "
        "create_leads: true}, columns: {event_type: What, occurred_at: When}}}"
    )
    (source / "layout.yaml").write_text(layout, encoding="utf-8")
    with in_memory() as connection, FileSource(source).open(connection, tmp_path, Wanted(None, ())) as tables:  # type: ignore[arg-type]
        leads, events = tables["leads"], tables["events"]
        cells = ", ".join(map(leads.cell, ("lead_id", "email", "status", "created_at")))
        found = connection.execute(f"select {cells} from {leads.relation} order by row_place").fetchall()
        of = connection.execute(f"select {events.cell('lead_id')} from {events.relation} order by row_place").fetchall()
    assert found == [
        ("1", "ana@example.com", "new", "2025-09-01"),
        ("new@example.com", "new@example.com", "new", "2025-09-02T10:00:00+05:00"),
    ]
    assert [row[0] for row in of] == ["new@example.com", "new@example.com", "1", "old@example.com", None]


def test_a_file_that_no_layout_knows_stops_nothing_where_there_are_leads(tmp_path: Path) -> None:
    table(tmp_path, "leads", "lead_id,status,created_at", [("1", "new", "2025-09-01")])
    table(tmp_path, "prices", "item,price", [("a", "1")])
    ads = json.dumps({"results": [{"campaign": {"name": "Brand"}, "metrics": {"costMicros": "1"}}]})
    (tmp_path / "ads.json").write_text(ads, encoding="utf-8")
    warnings = FileSource(tmp_path).check()
    [useless] = [each for each in warnings if each.startswith("ads.json")]
    assert useless == (
        "ads.json is a Google Ads report without days, which cannot be used; query it again with segments.date; "
        "it is not read"
    )
    assert "prices.csv is no export that a layout knows; it is not read" in warnings


def test_local_times_of_two_zones_are_each_read_in_their_own(tmp_path: Path) -> None:
    """The clock of Madrid repeats 02:30 on 2025-10-26, and skips it on 2025-03-30."""
    layout = (
        "name: {0}\ntitle: Own\nfiles: ['{0}.csv']\ntimezone: {1}\ntables: {{leads: {{columns: {{lead_id: Id, "
        "status: {{constant: new}}, created_at: Born}}}}}}"
    )
    times = ["2025-10-26 02:30", "2025-03-30 02:30", "2025-07-01 10:00", "2025-07-01T10:00:00Z"]
    for name, zone in (("madrid", "Europe/Madrid"), ("lima", "America/Lima")):
        table(tmp_path, name, "Id,Born", [(f"{name}-{at}", at) for at in times])
        (tmp_path / f"{name}.layout.yaml").write_text(layout.format(name, zone), encoding="utf-8")
    with in_memory() as connection, FileSource(tmp_path).open(connection, tmp_path, Wanted(None, ())) as tables:  # type: ignore[arg-type]
        leads = tables["leads"]
        cells = ", ".join(map(leads.cell, ("lead_id", "created_at")))
        found = dict(connection.execute(f"select {cells} from {leads.relation}").fetchall())
    local = {name: [found[f"{name}-{at}"] for at in times] for name in ("madrid", "lima")}
    assert [each[:16] for each in local["madrid"]] == [
        "2025-10-26 00:30",
        "2025-03-30 01:00",
        "2025-07-01 08:00",
        "2025-07-01T10:00",
    ]
    assert [each[:16] for each in local["lima"]] == [
        "2025-10-26 07:30",
        "2025-03-30 07:30",
        "2025-07-01 15:00",
        "2025-07-01T10:00",
    ]
    assert leads.notes == ("leads.created_at: 2 times lie in an hour that the clock repeats or skips",)
