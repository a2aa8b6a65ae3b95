"""Reads policy files, merges a user's file into the shipped one, and refuses what is wrong with its place.

Does not know which numbers there are: every product types its own section.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from acquisition_assets.core.errors import InputError

Locale = Literal["es", "en"]
LOCALES: tuple[Locale, ...] = get_args(Locale)
"""The languages of what people read; the first is the default."""


class Section(BaseModel):
    """A part of the policy: unknown keys and wrong types are refused, a number is never taken from text."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def parameters(self) -> dict[str, object]:
        """Return the section's plain values, as the parameters of its SQL."""
        return {name: value for name, value in self if isinstance(value, (int, float, str))}


Points = Annotated[float, Field(ge=0, le=1000)]
Hours = Annotated[float, Field(gt=0, le=24 * 365)]
Days = Annotated[int, Field(ge=1, le=3650)]
Score = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("must say something")
    return text


def _lower(text: str) -> str:
    if not text or text != text.strip().lower():
        raise ValueError("must be trimmed and in lower case")
    return text


def _in_locale(given: object, info: ValidationInfo) -> object:
    """Return the text of the policy's locale, where one is given for each language."""
    if not isinstance(given, dict):
        return given
    if given.keys() != set(LOCALES) or not all(isinstance(text, str) for text in given.values()):
        raise ValueError(f"must be a text, or one for each of {', '.join(LOCALES)}")
    texts = {locale: _said(text) for locale, text in given.items()}
    chosen = (info.context or {}).get("locale")
    return texts[chosen if chosen in LOCALES else LOCALES[0]]


Text = Annotated[str, AfterValidator(_said)]
PeoplesText = Annotated[Text, BeforeValidator(_in_locale)]
"""A text for people, or a mapping of one for each language; the value is that of the policy's locale."""
LowerText = Annotated[str, AfterValidator(_lower)]

SHOWN_LENGTH = 60
# pydantic's words, and ours.
WORDS = {"Input should": "must", "a valid integer": "a whole number", "a valid ": "a "}

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser, which is ten times as fast; PyYAML's own where it was built without."""
DEEPEST = 50
"""Levels of a policy file; the shipped one has four."""
LONGEST_NUMBER = 30
"""Characters of a whole number."""
NULLS = ("", "~", "null", "Null", "NULL")
BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
PLAIN_NUMBER = re.compile(
    r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
ODD_NUMBER = re.compile(
    r"[+-]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|[1-9][0-9_]*(:[0-5]?[0-9])*|[0-9][0-9_]*(:[0-5]?[0-9])*\.[0-9_]*)"
)
"""What YAML 1.1 reads as a number though it is not written as one."""

PolicyT = TypeVar("PolicyT", bound=BaseModel)


class _RefusalError(Exception):
    """What is wrong in a YAML file, and where."""

    def __init__(self, problem: str, mark: Any) -> None:
        super().__init__(problem)
        self.problem = problem
        self.problem_mark = mark


def read_yaml(path: Path, kind: str = "policy", option: str = "--policy") -> dict[str, Any]:
    """Return the mapping in a YAML file; an empty file is an empty mapping.

    Args:
        kind: what the file holds, for messages.
        option: the option of the command line that names it.

    Raises:
        InputError: it is missing, not YAML, not plain (see `_plain_value`), or not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{kind} file {path} cannot be read ({reason}); name a YAML file with {option}") from None
    try:
        content = _plain_value(text)
    except Exception as error:  # libyaml and its Python wrapper raise more than they document
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise InputError(f"{kind} file {path}{place}: not valid YAML: {problem}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{kind} file {path}: must be a mapping of sections, not {type(content).__name__}")
    return content


def _plain_value(text: str) -> Any:
    """Return the value of a YAML text of mappings, lists, text, numbers, booleans and null; nothing else is read.

    It is built from the parser's events, so that no constructor of PyYAML is ever called. Refused are explicit tags,
    anchors and aliases, a key that is repeated or is no text, numbers that are not plain decimals, nesting that is
    deeper than `DEEPEST`, and more than one document.

    Raises:
        _RefusalError, yaml.YAMLError: with the place.
    """
    open_nodes: list[_Node] = []
    root = _Node(None)
    documents = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _RefusalError("a second document begins here; write one", event.start_mark)
        elif isinstance(event, yaml.NodeEvent):
            _refuse_tricks(event)
            parent = open_nodes[-1] if open_nodes else root
            if isinstance(event, yaml.ScalarEvent):
                parent.add(_scalar(event), event)
                continue
            if len(open_nodes) == DEEPEST:
                raise _RefusalError(f"nested deeper than {DEEPEST} levels", event.start_mark)
            node = _Node({} if isinstance(event, yaml.MappingStartEvent) else [])
            parent.add(node.value, event)
            open_nodes.append(node)
        elif isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
    return root.value


@dataclass
class _Node:
    """A mapping or list while it is read, or the document; `key` is the mapping's key that waits for its value."""

    value: Any
    key: str | None = None

    def add(self, value: Any, event: yaml.NodeEvent) -> None:
        """Put a value where it belongs.

        Raises:
            _RefusalError: it is a key, and no text or repeated.
        """
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.value is None:
            self.value = value
        elif self.key is not None:
            self.value[self.key] = value
            self.key = None
        elif not isinstance(value, str):
            written = getattr(event, "value", "of several values")
            raise _RefusalError(f"key {_short(written, quoted=False)} is not text; put it in quotes", event.start_mark)
        elif value in self.value:
            raise _RefusalError(f"key {_short(value)} is repeated", event.start_mark)
        else:
            self.key = value


def _refuse_tricks(event: yaml.NodeEvent) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _RefusalError(f"*{event.anchor}: aliases are not read; write the value itself", event.start_mark)
    tag = getattr(event, "tag", None)
    if tag is not None:
        raise _RefusalError(
            f"tags such as {_short(tag, quoted=False)} are not read; write the value itself", event.start_mark
        )


def _scalar(event: yaml.ScalarEvent) -> str | int | float | bool | None:
    """Return the value of plain text as YAML 1.1 understands it, but for times, which stay text.

    Raises:
        _RefusalError: YAML would read a number that does not mean what it says, such as `1:30` or `010`.
    """
    text = str(event.value)
    if not event.implicit[0]:  # quoted, or a block
        return text
    if text in NULLS:
        return None
    if text.lower() in BOOLEANS and text in (text.lower(), text.upper(), text.capitalize()):
        return BOOLEANS[text.lower()]
    if PLAIN_NUMBER.fullmatch(text):
        if text.lstrip("+-").isdecimal():
            if len(text) > LONGEST_NUMBER:
                raise _RefusalError(f"{_short(text, quoted=False)} is too long for a number", event.start_mark)
            return int(text)
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if ODD_NUMBER.fullmatch(text):
        raise _RefusalError(
            f"{_short(text, quoted=False)} is not a plain number; write it in decimals, such as 90 or 1.5",
            event.start_mark,
        )
    return text


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Return the base with what the override names replaced, mapping by mapping; a key set to null is removed.

    A null for a key that the base does not have stays, and is refused later.
    """
    merged = dict(base)
    for key, value in override.items():
        if value is None and key in merged:
            del merged[key]
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def load_policy(model: type[PolicyT], shipped: Path, user: Path | None) -> PolicyT:
    """Return the shipped policy with the user's file merged into it, validated.

    Raises:
        InputError: with file, key, what is wrong and what is allowed, in one line.
    """
    values = read_yaml(shipped)
    if user is not None:
        values = merge(values, read_yaml(user))
    try:
        return model.model_validate(values, context=values)  # a text is chosen by the policy's locale
    except ValidationError as error:
        raise InputError(f"policy file {user or shipped}: {explain_validation(error, model)}") from None
    except Exception as error:  # a validator that did not expect such a value
        raise InputError(
            f"policy file {user or shipped}: it cannot be checked ({type(error).__name__}); compare it with "
            "docs/configuration.md"
        ) from None


def explain_validation(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first thing that is wrong, typos before all: its key, what is allowed there, and what was given."""
    first, *others = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    parts = [part for part in first["loc"] if part != "[key]"]
    place = ".".join(map(str, parts))
    more = f" (and {len(others)} more)" if others else ""
    if first["type"] == "extra_forbidden":
        allowed = _keys_at(model, first["loc"][:-1])
        close = difflib.get_close_matches(str(parts[-1]), allowed, 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        return f"{place}: no such key; allowed here: {', '.join(allowed)}{meant}{more}"
    if first["type"] == "missing":
        return f"{place}: is needed and must not be null{more}"
    if first["input"] is None and isinstance(first["loc"][-1], str):
        return f"{place}: is null, but there is nothing of that name to remove{more}"
    if first["type"] in ("model_type", "dict_type"):
        keys = ", ".join(_keys_at(model, first["loc"]))
        problem = f"must be a mapping{' of ' + keys if keys else ''}"
    else:
        problem = in_our_words(first["msg"])
    given = f" (got {_short(first['input'])})" if not isinstance(first["input"], (dict, BaseModel)) else ""
    return f"{place}{': ' if place else ''}{problem}{given}{more}"


def in_our_words(message: str) -> str:
    """Return what pydantic says is wrong, in plainer words."""
    plain = message.removeprefix("Value error, ").split(", unable to parse")[0]
    for words, ours in WORDS.items():
        plain = plain.replace(words, ours)
    return plain


def _short(value: object, *, quoted: bool = True) -> str:
    text = repr(value) if quoted else str(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def _keys_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    current: Any = model
    for part in place:
        fields = {field.alias or name: field for name, field in getattr(current, "model_fields", {}).items()}
        if part in fields:
            current = fields[str(part)].annotation
            continue
        arguments = [a for a in getattr(current, "__args__", ()) if hasattr(a, "model_fields")]
        current = arguments[0] if arguments else None
    return sorted(field.alias or name for name, field in getattr(current, "model_fields", {}).items())
