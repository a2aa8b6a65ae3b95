"""Reads the settings of a deployment once from the environment, checks them, and passes them on.

Does not hold the numbers of the rules, which are in the policy.
"""

from __future__ import annotations

import codecs
import datetime as dt
import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from acquisition_assets.core.days import parse_day, zone
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.masking import MASK, holds_password, sanitize
from acquisition_assets.core.memory import default_limit
from acquisition_assets.core.policy import in_our_words

PREFIX = "ACQUISITION_"
# Read by the scripts and tests of the project, not by the package.
OTHER_PREFIXES = ("ACQUISITION_TEST_", "ACQUISITION_PG_BIN", "ACQUISITION_CHROMIUM")
SECRET = frozenset({"source", "lake", "alert_urls", "brief_urls", "ui_url", "publish_url"})
"""The settings that may hold a secret: no error, log or representation repeats their value."""
AUDIENCES = ("growth", "data")
"""Who an alert is for, and the tags of alert targets."""
TAG = re.compile(r"([A-Za-z0-9_-]+)=(?=[A-Za-z0-9]{1,20}://)")
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?[KMGT](?:i?B)?", re.IGNORECASE)

URL_START = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Settings(BaseModel):
    """Where the data comes from and goes to. Each field is the environment variable ACQUISITION_<FIELD>."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    source: str = Field("sample", description="`sample`, a folder of files, or a `postgresql://` URL")
    lake: str = Field("lake", description="folder or fsspec URL of the lake")
    policy: str | None = Field(None, description="YAML file that overrides numbers of the shipped policy")
    timezone: str = Field("UTC", description="IANA time zone of the business day")
    start_date: str | None = Field(None, description="first day that can be materialised (YYYY-MM-DD)")
    engine: str = Field("duckdb", description="`duckdb` or `spark`")
    spark_master: str = Field("local[*]", description="Spark master URL, or `sc://` for Spark Connect")
    memory_limit: str = Field(
        default_factory=default_limit,
        description="what the engine may hold in memory before it spills (default: half of what the process may use, "
        "by its machine and its container, at least 640MB; days side by side share it)",
    )
    spill: str | None = Field(None, description="folder to spill into (default: inside the lake's staging folder)")
    threads: int | None = Field(None, ge=1, description="threads of the engine (default: all cores)")
    parallel_days: int | None = Field(
        None,
        ge=1,
        le=64,
        description="days of a range side by side (default: one per core, at most 4, in ranges from 8 days)",
    )
    executor: str = Field(
        "in_process", description="Dagster's executor: `in_process`, or `multiprocess` for a process per step"
    )
    alert_urls: str = Field(
        "",
        description="apprise URLs, separated by blanks; `growth=URL` gets incidents, `data=URL` what concerns "
        "the data, a plain URL all; without any, alerts go to the log",
    )
    brief_urls: str = Field(
        "",
        description="apprise URLs, separated by blanks, that each day's brief is sent to once, such as "
        "`mailtos://`; without any, it is not sent",
    )
    ui_url: str = Field("", description="address of the Dagster UI, for links in alerts")
    publish_url: str | None = Field(
        None,
        description="URL of the destination to publish to, or several separated by blanks, such as `postgresql://`",
    )
    publish_retention_days: int | None = Field(None, ge=1, description="days to keep published (default: all)")
    source_timezone: str | None = Field(
        None, description="time zone of the source's times that have no offset, in files and databases (default: UTC)"
    )
    source_encoding: str | None = Field(
        None, description="encoding of text files that are not UTF-8, such as `cp1252` (default: UTF-8 or UTF-16)"
    )
    layout: str | None = Field(
        None, description="layouts of the source's files, separated by commas: names of shipped ones, or YAML files"
    )
    source_queries: str | None = Field(None, description="folder of reading queries that replace sql/postgres/source")
    refresh_minutes: int | None = Field(
        None, ge=1, description="refresh today at most every so many minutes, such as 15 (default: never)"
    )
    schedule_hour: int = Field(6, ge=0, le=23, description="local hour of the daily schedule")
    schedule_minute: int = Field(0, ge=0, le=59, description="minute of the daily schedule")

    @field_validator("memory_limit")
    @classmethod
    def _size(cls, value: str) -> str:
        size = SIZE.fullmatch(value)
        if size is None or float(size[1]) == 0:
            raise ValueError("must be a size with its unit, such as 800MB or 4GB")
        return value

    @field_validator("source")
    @classmethod
    def _place(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://")) and "://" not in value and holds_password(value):
            raise ValueError("looks like a URL with a password; write postgresql://user:password@host:5432/database")
        return value

    @field_validator("alert_urls")
    @classmethod
    def _tags(cls, value: str) -> str:
        for target in value.split():
            tag = TAG.match(target)
            if tag is not None and tag[1] not in AUDIENCES:
                raise ValueError(f"has the tag {tag[1]}=; tags are {' and '.join(f'{name}=' for name in AUDIENCES)}")
        return value

    @field_validator("brief_urls")
    @classmethod
    def _untagged(cls, value: str) -> str:
        for target in value.split():
            tag = TAG.match(target)
            if tag is not None:
                raise ValueError(f"has the tag {tag[1]}=; a brief goes to every target, so leave the tag out")
        return value

    @field_validator("source_encoding")
    @classmethod
    def _encoding(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                "".encode(codecs.lookup(value).name)  # refuses what is no encoding of text, such as base64
        except (LookupError, ValueError):
            raise ValueError("must be an encoding of text, such as cp1252, latin-1 or utf-16-le") from None
        return value

    @field_validator("publish_url")
    @classmethod
    def _destinations(cls, value: str | None) -> str | None:
        if value is not None and not URL_START.match(value):
            raise ValueError("must be a URL such as postgresql://user@host:5432/database")
        return value

    @field_validator("ui_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value

    @field_validator("engine")
    @classmethod
    def _engine(cls, value: str) -> str:
        if value not in ("duckdb", "spark"):
            raise ValueError("must be duckdb or spark")
        return value

    @field_validator("executor")
    @classmethod
    def _executor(cls, value: str) -> str:
        if value not in ("in_process", "multiprocess"):
            raise ValueError("must be in_process or multiprocess")
        return value

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        return [(name, MASK if name in SECRET and value else value) for name, value in self]

    __str__ = BaseModel.__repr__

    @property
    def naive_timezone(self) -> str:
        """The time zone of the source's times that have no offset."""
        return self.source_timezone or "UTC"

    @property
    def layouts(self) -> tuple[str, ...]:
        """The names or files of the source's layouts."""
        return tuple(part.strip() for part in (self.layout or "").split(",") if part.strip())

    @property
    def publish_urls(self) -> tuple[str, ...]:
        """The URLs of the destinations."""
        return tuple(re.split(rf"\s+(?={URL_START.pattern})", self.publish_url)) if self.publish_url else ()

    @property
    def tz(self) -> ZoneInfo:
        """The business time zone."""
        return zone(self.timezone)

    @property
    def first_day(self) -> dt.date | None:
        """The configured first day, if any."""
        return None if self.start_date is None else parse_day(self.start_date, f"{PREFIX}START_DATE")

    @property
    def policy_path(self) -> Path | None:
        """The user's policy file, if any."""
        return None if self.policy is None else Path(self.policy).expanduser()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], **overrides: object) -> Settings:
        """Return the settings that the environment gives; overrides (of the command line) win where they are not None.

        Raises:
            InputError: a value is wrong; the message names the variable.
        """
        given: dict[str, object] = {
            name: environment[PREFIX + name.upper()]
            for name in cls.model_fields
            if environment.get(PREFIX + name.upper(), "").strip()
        }
        given.update({name: value for name, value in overrides.items() if value is not None})
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = PREFIX + str(first["loc"][0]).upper()
            hidden = str(first["loc"][0]) in SECRET or "://" in str(first["input"])
            value = "" if hidden else f"={sanitize(first['input'])!r}"
            raise InputError(f"{name}{value}: {in_our_words(first['msg'])}") from None
        zone(settings.timezone)
        zone(settings.naive_timezone, f"{PREFIX}SOURCE_TIMEZONE")
        _ = settings.first_day
        if settings.executor == "multiprocess" and "memory_limit" not in settings.model_fields_set:
            settings = settings.model_copy(update={"memory_limit": default_limit(os.cpu_count() or 1)})
        return settings

    @classmethod
    def unknown_variables(cls, environment: Mapping[str, str]) -> list[str]:
        """Return a warning for each variable that has the name of a setting and is not one: it has no effect."""
        known = [name.upper() for name in cls.model_fields]
        warnings = []
        for name in sorted(environment):
            setting = name.removeprefix(PREFIX)
            if name.startswith(PREFIX) and setting not in known and not name.startswith(OTHER_PREFIXES):
                close = difflib.get_close_matches(setting.upper(), known, 1)
                meant = f"; did you mean {PREFIX}{close[0]}?" if close else ""
                warnings.append(f"the environment variable {name} is no setting and has no effect{meant}")
        return warnings
