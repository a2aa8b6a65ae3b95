"""Drafts a layout for an export that no layout knows: columns by their names and values, each marked to be checked.

Does not read whole files, and shows no personal data. Names in several languages are in `layouts.synonyms`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acquisition_assets.core.masking import sanitize
from acquisition_assets.sources.layouts.grammar import PATH, plain_name
from acquisition_assets.sources.layouts.json_values import keys_of, sample_values
from acquisition_assets.sources.layouts.records import CSV, SAMPLED, SHEET, Export
from acquisition_assets.sources.layouts.synonyms import EVENT_WORDS, NAMES, STATUS_WORDS

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
ISO_TIME = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}([T ].*)?")
DAY_PATTERNS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y")
CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p")
MOST_WORDS = 20
SAMPLES = 3
DEEPEST = 3
"""Levels of nested JSON that are looked at for columns."""
LEAD_COLUMNS = (
    "status", "source", "created_at", "updated_at", "engagement_score", "interest_area", "utm_source", "utm_medium",
    "utm_campaign", "referrer_url", "landing_url", "converted_at", "unsubscribed_at",
)  # fmt: skip
EVENT_COLUMNS = ("event_id", "event_type", "occurred_at", "delivery_id", "content_id", "is_machine")


@dataclass(frozen=True)
class Column:
    """A column or JSON path of an export with its first values."""

    name: str
    values: tuple[str, ...]

    @property
    def last(self) -> str:
        """The name as names are compared; of a path, its last key, or whose id it is."""
        keys = keys_of(self.name) if self.name.startswith("$") else (self.name,)
        name = plain_name(keys[-1])
        return f"{plain_name(keys[-2])} id" if name in ("id", "uid", "uuid") and len(keys) > 1 else name

    def share(self, pattern: re.Pattern[str]) -> float:
        """Return the share of values that match."""
        return sum(bool(pattern.fullmatch(each)) for each in self.values) / len(self.values) if self.values else 0.0

    @property
    def words(self) -> tuple[str, ...]:
        """The distinct words, where there are few."""
        found = tuple(dict.fromkeys(each.strip().lower() for each in self.values))
        return found if len(found) <= MOST_WORDS else ()


def draft(export: Export) -> str:
    """Return the text of a layout for one file, to be checked and completed by a person."""
    at, columns = _columns(export)
    is_events = _are_events(columns)
    placed = _placed(columns, ("id", "email", *(EVENT_COLUMNS if is_events else LEAD_COLUMNS)))
    rest = [column.name for column in columns if column.name not in {each.name for each in placed.values()}]
    head = [
        f"name: {layout_name(export.path.name)}",
        f"title: {_quoted(export.path.name)}",
        f"files: [{_quoted(_pattern(export.path.name))}]",
        f"recognised_by: [{', '.join(_quoted(each.name) for each in list(placed.values())[:6])}]",
    ]
    if at:
        head.append(f"records: {{at: {_quoted(at)}}}")
    body = _events(placed) if is_events else _leads(placed)
    tail = [f"# not placed: {', '.join(sanitize(name) for name in rest)}"] if rest else []
    return "\n".join([*head, "tables:", *body, *tail]) + "\n"


def _leads(placed: Mapping[str, Column]) -> list[str]:
    identity = placed.get("id") or placed.get("email")
    lines = ["  leads:", "    columns:", *_line("lead_id", identity)]
    lines += _line("email", placed["email"]) if "email" in placed else []
    for name in LEAD_COLUMNS:
        if name == "status":
            lines += _words(name, placed.get(name), STATUS_WORDS, "new")
        elif name in placed or name == "created_at":
            lines += _line(name, placed.get(name))
    return lines


def _events(placed: Mapping[str, Column]) -> list[str]:
    email, identity = placed.get("email"), placed.get("id")
    lines = ["  events:"]
    if email is not None:
        lines.append(f"    lead: {{by: email, from: {_quoted(email.name)}}}  {_check(email)}")
    else:
        given = _quoted(identity.name) if identity else "?"
        lines.append(f"    lead: {{by: id, from: {given}}}  {_check(identity)}")
    lines.append("    columns:")
    for name in EVENT_COLUMNS:
        if name == "event_type":
            lines += _words(name, placed.get(name), EVENT_WORDS, "ignore")
        elif name in placed:
            lines += _line(name, placed[name])
    return lines


def _line(name: str, column: Column | None) -> list[str]:
    if column is None:
        return [f"      {name}: '?'  # check: nothing was found for it"]
    times = _times(column) if name.endswith("_at") else ()
    if not times:
        return [f"      {name}: {_quoted(column.name)}  {_check(column)}"]
    given = json.dumps(times[0]) if len(times) == 1 else json.dumps(list(times))
    return [f"      {name}: {{from: {_quoted(column.name)}, time: {given}}}  {_check(column)}"]


def _words(name: str, column: Column | None, known: Mapping[str, Sequence[str]], otherwise: str) -> list[str]:
    if column is None:
        return [f"      {name}: {{constant: {otherwise}}}  # check: nothing was found for it"]
    lines = [f"      {name}:  # check", f"        from: {_quoted(column.name)}", "        words:"]
    for word in column.words:
        meaning = _meaning(word, known)
        mark = "" if meaning else "  # check: not known"
        lines.append(f"          {_quoted(sanitize(word))}: {meaning or otherwise}{mark}")
    return lines if column.words else [f"      {name}: {_quoted(column.name)}  {_check(column)}"]


def _meaning(word: str, known: Mapping[str, Sequence[str]]) -> str | None:
    plain = re.sub(r"[\s_\-]+", " ", word).strip()
    exact = (meaning for meaning, words in known.items() if plain in [re.sub(r"[\s_\-]+", " ", w) for w in words])
    inside = [(len(w), meaning) for meaning, words in known.items() for w in words if re.search(rf"\b{w}\b", plain)]
    return next(exact, None) or (max(inside, key=lambda each: each[0])[1] if inside else None)


def _are_events(columns: Sequence[Column]) -> bool:
    """Return whether records say that something happened: most words of a column are of events, and one has times."""
    kinds = [each for each in columns if _known(each, EVENT_WORDS) > max(0.5, _known(each, STATUS_WORDS))]
    return bool(kinds) and any(_score("occurred_at", each) > 0 for each in columns)


def _placed(columns: Sequence[Column], names: Sequence[str]) -> dict[str, Column]:
    """Return the column for each of some canonical names: by what it is called, then by what its values look like."""
    found: dict[str, Column] = {}
    scored = sorted(
        (
            (score, -order, name, column)
            for order, column in enumerate(columns)
            for name in names
            if (score := _score(name, column)) > 0
        ),
        key=lambda each: each[:2],
        reverse=True,
    )
    for _, _, name, column in scored:
        if name not in found and column.name not in {each.name for each in found.values()}:
            found[name] = column
    return found


def _score(name: str, column: Column) -> float:
    """Return how well a column fits a canonical name; 0 where its values speak against it."""
    called = _called(column.last, NAMES[name])
    is_time = bool(column.values) and (column.share(ISO_TIME) > 0.9 or bool(_times(column)))
    if name == "email":
        return column.share(ADDRESS) * 2 + called if column.share(ADDRESS) > 0.8 else 0.0
    if column.share(ADDRESS) > 0.5:
        return 0.0
    if name.endswith("_at"):
        return called + (0.3 if name in ("created_at", "occurred_at") else 0.0) if is_time else 0.0
    if is_time and name != "id":
        return 0.0
    if name in ("status", "event_type"):
        hits = _known(column, STATUS_WORDS if name == "status" else EVENT_WORDS)
        return called + hits if column.words and (called or hits > 0.5) and len(set(column.values)) > 0 else 0.0
    if name in ("id", "event_id") and len(set(column.values)) < len(column.values) and name == "event_id":
        return 0.0
    return called


def _known(column: Column, known: Mapping[str, Sequence[str]]) -> float:
    """Return the share of a column's distinct words that are known."""
    return sum(_meaning(word, known) is not None for word in column.words) / max(1, len(column.words))


def _called(name: str, synonyms: Sequence[str]) -> float:
    plain = re.sub(r"[\s_\-./]+", " ", name).strip()
    for rank, synonym in enumerate(synonyms):
        if plain == re.sub(r"[\s_\-./]+", " ", synonym).strip():
            return 1.5 - rank / 100
    words = set(plain.split())
    return (
        0.5
        if any(set(re.sub(r"[\s_\-./]+", " ", each).split()) <= words for each in synonyms if len(each) > 3)
        else 0.0
    )


def _times(column: Column) -> tuple[str, ...]:
    """Return the ways to read a column's times that are not ISO 8601; both orders of day and month where both fit."""
    values = [each for each in column.values if each.strip()]
    if not values or column.share(ISO_TIME) > 0.5:
        return ()
    if all(re.fullmatch(r"\d{10}(\.\d+)?", each) for each in values):
        return ("epoch_s",)
    if all(re.fullmatch(r"\d{13}", each) for each in values):
        return ("epoch_ms",)
    patterns = [day + clock for day in DAY_PATTERNS for clock in CLOCKS]
    return tuple(each for each in patterns if all(_reads(value, each) for value in values))


def _reads(value: str, pattern: str) -> bool:
    try:
        dt.datetime.strptime(value.strip(), pattern)  # noqa: DTZ007
    except ValueError:
        return False
    return True


def _columns(export: Export) -> tuple[str | None, list[Column]]:
    """Return the path of the records, if they are not at the top, and their columns."""
    if export.kind in (CSV, SHEET):
        names, rows = export.first_rows(SAMPLED)
        return None, [
            Column(name, tuple(row[at] for row in rows if at < len(row) and row[at].strip()))
            for at, name in enumerate(names)
            if name
        ]
    records: list[Any] = list(export.sample(None))
    at = None
    for path in _arrays(records[0]) if len(records) == 1 else _first_arrays(export):
        inner = [json.loads(text) for text in sample_values(export.text, keys_of(path), SAMPLED)]
        if inner and all(isinstance(each, dict) for each in inner):
            at, records = path, inner
            break
    found: dict[str, list[str]] = {}
    for record in records:
        for path, value in _flat(record, "$", 0):
            found.setdefault(path, []).append(value)
    return at, [Column(_short_path(path), tuple(values)) for path, values in found.items()]


def _first_arrays(export: Export) -> list[str]:
    """Return the paths at the top of a file that is one object and longer than what was read of it."""
    keys = re.findall(r'"([A-Za-z_][\w-]*)"\s*:\s*\[\s*\{', export.text[:10_000])
    return [f"$.{key}" for key in dict.fromkeys(keys)] if export.text.lstrip().startswith("{") else []


def _arrays(record: Any, path: str = "$", depth: int = 0) -> list[str]:
    """Return the paths of arrays of objects in a record, the outermost first."""
    if not isinstance(record, dict) or depth == DEEPEST:
        return []
    named = {key: value for key, value in record.items() if re.fullmatch(r"[A-Za-z_][\w-]*", key)}
    here = [
        f"{path}.{key}"
        for key, value in named.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
    ]
    return [*here, *(found for key, value in named.items() for found in _arrays(value, f"{path}.{key}", depth + 1))]


def _flat(value: Any, path: str, depth: int) -> list[tuple[str, str]]:
    if isinstance(value, dict) and depth < DEEPEST:
        return [
            each
            for key, inner in value.items()
            if '"' not in key
            for each in _flat(inner, f"{path}.{_key(key)}", depth + 1)
        ]
    if value is None or isinstance(value, (dict, list)):
        return []
    return [(path, str(value).lower() if isinstance(value, bool) else str(value))]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_][\w-]*", key) else f'"{key}"'


def _short_path(path: str) -> str:
    """Return the key alone where a path has only one."""
    keys = keys_of(path)
    return keys[0] if len(keys) == 1 and PATH.fullmatch(path) else path


def _check(column: Column | None) -> str:
    if column is None:
        return "# check: nothing was found for it"
    samples = list(dict.fromkeys(value.strip() for value in column.values if value.strip()))[:SAMPLES]
    return f"# check: {', '.join(sanitize(each)[:40] for each in samples)}" if samples else "# check: it is empty"


def _quoted(text: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_$][\w .$-]*", text) and text == text.strip()
    odd = text.lower() in ("null", "true", "false", "yes", "no", "on", "off")
    return text if plain and not odd else json.dumps(text, ensure_ascii=False)


def layout_name(name: str) -> str:
    """Return a name for the layout of a file."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower().split(".")[0]).strip("-") or "export"


def _pattern(name: str) -> str:
    """Return a pattern for exports of the same kind: dates and numbers in the name may differ."""
    return re.sub(r"(\d[\d_.-]*)(?=.*\.)", "*", name, count=2)
