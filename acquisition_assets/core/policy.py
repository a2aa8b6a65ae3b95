"""Here: reading a policy file, laying a user's file over the shipped one, and refusing what is wrong with its place.

Not here: which numbers there are; every product types its own section.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acquisition_assets.core.errors import InputError


class Section(BaseModel):
    """A part of the policy: unknown keys and wrong types are refused, a number is never taken from text."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def parameters(self) -> dict[str, object]:
        """The section's plain values, as the parameters of its SQL."""
        return {name: value for name, value in self if isinstance(value, (int, float, str))}


Number = Annotated[float, Field(strict=False, allow_inf_nan=False)]
Points = Annotated[float, Field(ge=0, le=1000)]
Hours = Annotated[float, Field(gt=0, le=24 * 365)]
Days = Annotated[int, Field(ge=1, le=3650)]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]

PolicyT = TypeVar("PolicyT", bound=BaseModel)


class _UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader that refuses a key that stands twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty mapping.

    Raises:
        InputError: it is missing, not YAML, or not a mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
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
    """The base with what the override names replaced, mapping by mapping; a key set to null is removed."""
    merged = dict(base)
    for key, value in override.items():
        if value is None:
            merged.pop(key, None)
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
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the whole"
    if first["type"] == "extra_forbidden":
        return f"{place}: no such key; allowed here: {', '.join(_keys_at(model, first['loc'][:-1]))}"
    if first["type"] == "missing":
        return f"{place}: is needed and must not be null"
    given = f" (got {first['input']!r})" if not isinstance(first["input"], (dict, BaseModel)) else ""
    return f"{place}: {first['msg'].removeprefix('Value error, ')}{given}"


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
