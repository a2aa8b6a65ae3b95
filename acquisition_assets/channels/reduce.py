"""Reduces the channel fields of a lead to the few values that decide its channel.

Leaves the decision to `classify`, and the same for a table to `sql/lead_activity/lead_combinations.sql`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyarrow as pa

from acquisition_assets.channels.lists import path_hosts, read_click_ids
from acquisition_assets.channels.policy import ChannelPolicy

FIELDS = (
    "source",
    "utm_source",
    "utm_medium",
    "campaign_kind",
    "campaign_words",
    "referrer_host",
    "referrer_path",
    "referrer_kind",
    "click_id_names",
)
"""The reduced fields of a lead: all that decides its channel, with few distinct combinations."""
OWN = "own"
"""The kind of a referrer on the host of the landing page."""
APART = "\x1f"
"""The character between the fields of a combination; it is removed from the fields."""
CROSS_NETWORK, SHOPPING = "cross_network", "shopping"
WORDS_APART = "|"
HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*://|//)?(?:[^/?#@]*@)?([^/?#:]+)")
# A page of a mailbox may be below any host.
MAIL_FOLDERS = ("mail", "webmail", "owa", "roundcube", "horde")
MAIL_HINTS = ("/mail/", "/webmail", "/owa/", "/roundcube", "/horde/")
BEFORE_PATH = r"(?i)^(?:[a-z][a-z0-9+.-]*://)?[^/?#]+"
PATH_ENDS = r"(?:[/?#]|$)"


def click_id_pattern(known: Iterable[str]) -> str:
    """Return the pattern whose first group is the name of a click id in URLs, queries, or a list of names.

    Empty values and placeholders such as `gclid={gclid}` do not count.
    """
    # Snapchat writes its id ScCid.
    spellings = [spelling for name in known for spelling in (("sccid", "ScCid") if name == "sccid" else (name,))]
    return f"(?:^|[?&;, ])({'|'.join(spellings)})(?:=[A-Za-z0-9_-]|[&;, ]|$)"


def reduction_parameters(policy: ChannelPolicy) -> dict[str, object]:
    """Return the parameters of `sql/lead_activity/lead_combinations.sql`."""
    paths = sorted({path for each in path_hosts().values() for path in each}, key=lambda path: (-len(path), path))
    return {
        "apart": APART,
        "click_id_pattern": click_id_pattern(read_click_ids()),
        "cross_network_pattern": f"(?i){policy.campaign_cross_network}",
        "shopping_pattern": f"(?i){policy.campaign_shopping}",
        "path_pattern": f"{BEFORE_PATH}({'|'.join(map(re.escape, paths))}){PATH_ENDS}",
        "mail_path_pattern": f"{BEFORE_PATH}(?:/[^?#]*)?/({'|'.join(MAIL_FOLDERS)}){PATH_ENDS}",
    }


def hosts_with_paths() -> list[str]:
    """Return the hosts whose paths say more than the host, with and without `www.`."""
    return sorted({host for each in path_hosts() for host in (each, f"www.{each}")})


def campaign_words(policy: ChannelPolicy) -> list[str]:
    """Return the words that rules of the policy look for in utm_campaign, in order."""
    return sorted({word for rule in policy.rules for word in rule.utm_campaign_words})


def bound_words(policy: ChannelPolicy) -> dict[str, pa.Table]:
    """Return the small tables that `sql/lead_activity/lead_combinations.sql` reads, by name."""
    words = {"campaign_words": ("word", campaign_words(policy)), "path_hosts": ("host", hosts_with_paths())}
    return {name: pa.table({column: pa.array(texts, pa.string())}) for name, (column, texts) in words.items()}


def reduce_lead(
    policy: ChannelPolicy,
    *,
    source: str | None = None,
    utm_source: str | None = None,
    utm_medium: str | None = None,
    utm_campaign: str | None = None,
    referrer_url: str | None = None,
    landing_url: str | None = None,
    click_ids: str | None = None,
) -> dict[str, str | None]:
    """Return the reduced fields (`FIELDS`) of one lead."""
    found = reduction_parameters(policy)
    host = _host(referrer_url)
    campaign = utm_campaign or ""
    kind = None
    if re.search(str(found["cross_network_pattern"]), campaign):
        kind = CROSS_NETWORK
    elif re.search(str(found["shopping_pattern"]), campaign):
        kind = SHOPPING
    words = [word for word in campaign_words(policy) if word in campaign.lower()]
    links = [landing_url, referrer_url if _has_ids(referrer_url) else None]
    names = re.findall(str(found["click_id_pattern"]), " ".join(link for link in (*links, click_ids) if link))
    own = host is not None and _lands_on(landing_url or "", host)
    fields = {
        "source": source,
        "utm_source": utm_source,
        "utm_medium": utm_medium,
        "campaign_kind": kind,
        "campaign_words": WORDS_APART.join(words) or None,
        "referrer_host": host,
        "referrer_path": None if own else _path(host, referrer_url or "", found),
        "referrer_kind": OWN if own else None,
        "click_id_names": " ".join(names),
    }
    return {name: (text or "").replace(APART, "") or None for name, text in fields.items()}


def split_combination(combination: str) -> dict[str, str | None]:
    """Return the reduced fields (`FIELDS`) of a combination, as the SQL joins them."""
    texts = combination.split(APART)
    return {name: text or None for name, text in zip(FIELDS, texts, strict=True)}


def _path(host: str | None, url: str, patterns: dict[str, object]) -> str | None:
    path = re.search(str(patterns["path_pattern"]), url) if host in hosts_with_paths() else None
    if path:
        return path[1].lower()
    mail = re.search(str(patterns["mail_path_pattern"]), url) if any(hint in url for hint in MAIL_HINTS) else None
    return "/" + mail[1].lower() if mail else None


def _host(url: str | None) -> str | None:
    found = HOST.match((url or "").strip().lower())
    return (found[1].rstrip(".") or None) if found else None


def _lands_on(landing_url: str, host: str) -> bool:
    """Return whether a page is on the host that refers to it."""
    return landing_url.startswith(
        tuple(f"{start}{host}" for start in ("https://", "http://", "https://www.", "http://www."))
    )


def _has_ids(url: str | None) -> bool:
    return url is not None and ("id=" in url or "gad_source=" in url)
