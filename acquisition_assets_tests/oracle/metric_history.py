"""Computes metric_history a second time, day by day from the rows themselves.

The counts that daily_metrics has too are those of `reference`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
DAYS = 120
DAY = dt.timedelta(days=1)
SAME = ("new_leads", "leads_engaged", "leads_converted", "deliveries_sent", "completions")
OF_EVENTS = ("unsubscribed", "bounced", "complained", "machine_opens")
LEADS = ("new_leads", "leads_engaged", "leads_converted")
REFERRALS = ("referrals_created", "referrals_fraud", "fraud_rate")


def metric_history(
    counted: Mapping[dt.date, Row],
    leads: Sequence[Row],
    events: Sequence[Row],
    activity: Sequence[Row],
    day: dt.date,
    day_of: Callable[[dt.datetime], dt.date],
) -> list[dict[str, Any]]:
    """One row per day, metric and channel.

    Args:
        counted: daily_metrics of the days and of the one before them.
        events: those of all leads up to the day; those of other leads do not count.
        day_of: the business day of an instant.
    """
    first = day - (DAYS - 1) * DAY
    known = {lead["lead_id"] for lead in leads}
    events = [{**event, "day": day_of(event["occurred_at"])} for event in events if event["lead_id"] in known]
    rows_of_day = Counter(event["day"] for event in events)
    happened = Counter((event["event_type"], bool(event["is_machine"]), event["day"]) for event in events)
    ended: dict[str, dt.date] = {}
    times = [(event["lead_id"], event["day"]) for event in events if event["event_type"] == "unsubscribed"]
    times += [
        (lead["lead_id"], day_of(lead["merged_unsubscribed_at"])) for lead in leads if lead["merged_unsubscribed_at"]
    ]
    for lead, when in times:
        if first - DAY <= when <= day:
            ended[lead] = min(when, ended.get(lead, when))
    unsubscribed = Counter(ended.values())
    created = Counter((row["channel"], day_of(row["created_at"])) for row in activity)
    days = [first + n * DAY for n in range(DAYS)]
    leads_gone = gone({each: counted[each]["new_leads"] for each in days})
    events_gone = gone({each: rows_of_day[each] for each in days})
    found = []

    def add(metric: str, that: dt.date, value: int, trials: int | None = None, channel: str | None = None) -> None:
        missing = leads_gone if metric in LEADS else events_gone if metric not in REFERRALS else set()
        lost = that in missing or (metric in ("opened_24h", "open_rate") and that - DAY in missing)
        shown = value if trials is None else min(value, trials)
        found.append(
            {
                "day": that,
                "metric": metric,
                "channel": channel,
                "value": None if lost else shown,
                "trials": None if lost else trials,
            }
        )

    for that in days:
        now, before = counted[that], counted[that - DAY]
        counts = {name: now[name] for name in (*SAME, "referrals_created", "referrals_fraud")}
        counts["opened_24h"] = before["opened_24h"]
        counts["bounced"] = happened["bounced", False, that] + happened["bounced", True, that]
        counts["complained"] = happened["complained", False, that] + happened["complained", True, that]
        counts["machine_opens"] = happened["opened", True, that]
        counts["unsubscribed"] = unsubscribed[that]
        for metric, value in counts.items():
            add(metric, that, value)
        sent = now["deliveries_sent"]
        add("open_rate", that, before["opened_24h"], before["deliveries_sent"])
        add("unsubscribe_rate", that, counts["unsubscribed"], sent)
        add("bounce_rate", that, counts["bounced"], sent)
        add("complaint_rate", that, counts["complained"], sent)
        add("fraud_rate", that, now["referrals_fraud"], now["referrals_created"])
    alive = [that for that in days if that not in leads_gone]
    for channel in sorted({name for name, _ in created}):
        if alive and sum(created[channel, that] for that in alive) >= 10 * len(alive):
            for that in days:
                add("new_leads", that, created[channel, that], channel=channel)
    return found


def gone(rows: Mapping[dt.date, int]) -> set[dt.date]:
    """The days before the first row, and those of gaps in which more than two expected days pass."""
    days = sorted(rows)
    filled = [that for that in days if rows[that]]
    if not filled:
        return set(days)
    found = {that for that in days if that < filled[0]}
    for place, last in enumerate(filled):
        after = filled[place + 1] if place + 1 < len(filled) else days[-1] + DAY
        gap = [that for that in days if last < that < after]
        seen = filled[: place + 1]
        expected = 0
        for that in gap:
            back = [last - n * DAY for n in range(56) if (last - n * DAY).weekday() == that.weekday()]
            back = [each for each in back if each >= seen[0]]
            empty = sum(each not in seen for each in back)
            expected += not (back and empty * 8 >= 6 * len(back))
        if expected > 2:
            found |= set(gap)
    return found
