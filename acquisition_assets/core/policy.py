"""Here: reading a policy file, laying a user's file over the shipped one, and refusing what is wrong with its place.

Not here: which numbers there are; every product types its own section.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from acquisition_assets.core.errors import InputError


class Section(BaseModel):
    """A part of the policy: unknown keys and wrong types are refused, a number is never taken from text."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def parameters(self) -> dict[str, object]:
        """The section's plain values, as the parameters of its SQL."""
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


Text = Annotated[str, AfterValidator(_said)]
LowerText = Annotated[str, AfterValidator(_lower)]

SHOWN_LENGTH = 60
# pydantic's words, and ours.
WORDS = {"Input should": "must", "a valid integer": "a whole number", "a valid ": "a "}
PLAIN_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d+)?|[+-]?\.(inf|nan)", re.IGNORECASE)

PolicyT = TypeVar("PolicyT", bound=BaseModel)


class _PlainLoader(yaml.SafeLoader):
    """A safe loader of what means what it says: no key twice, no alias, no `1:30` that is 90, no `010` that is 8."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            alias = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, f"*{alias.anchor}: aliases are not read; write the value itself", alias.start_mark
            )
        return super().compose_node(parent, index)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """A number in decimal notation."""
        if not PLAIN_NUMBER.fullmatch(node.value):
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"{node.value} is not a plain number; write it in decimals, such as 90 or 1.5",
                node.start_mark,
            )
        if node.tag.endswith(":int"):
            return int(self.construct_yaml_int(node))
        return float(self.construct_yaml_float(node))

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key_node.value} is not text; put it in quotes", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


for _tag in ("int", "float"):
    _PlainLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _PlainLoader.construct_number)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty mapping.

    Raises:
        InputError: it is missing, not YAML, or not a mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"policy file {path} cannot be read ({reason}); name a YAML file with --policy") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise InputError(f"policy file {path}{place}: not valid YAML: {problem}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"policy file {path}: must be a mapping of sections, not {type(content).__name__}")
    return content


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """The base with what the override names replaced, mapping by mapping; a key set to null is removed.

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
    """The shipped policy with the user's file laid over it, validated.

    Raises:
        InputError: with file, key, what is wrong and what is allowed, in one line.
    """
    values = read_yaml(shipped)
    if user is not None:
        values = merge(values, read_yaml(user))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(f"policy file {user or shipped}: {_explain(error, model)}") from None


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong, typos before all: its key, what is allowed there, and what was given."""
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
        told = f"must be a mapping{' of ' + keys if keys else ''}"
    else:
        told = in_our_words(first["msg"])
    given = f" (got {_short(first['input'])})" if not isinstance(first["input"], (dict, BaseModel)) else ""
    return f"{place}{': ' if place else ''}{told}{given}{more}"


def in_our_words(message: str) -> str:
    """What pydantic says is wrong, in plainer words."""
    told = message.removeprefix("Value error, ").split(", unable to parse")[0]
    for words, ours in WORDS.items():
        told = told.replace(words, ours)
    return told


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def _keys_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    current: Any = model
    for part in place:
        fields = getattr(current, "model_fields", None)
        if fields and part in fields:
            current = fields[part].annotation
            continue
        arguments = [a for a in getattr(current, "__args__", ()) if hasattr(a, "model_fields")]
        current = arguments[0] if arguments else None
    return sorted(getattr(current, "model_fields", {}))
