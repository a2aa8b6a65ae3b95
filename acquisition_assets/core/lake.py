"""Keeps the lake: Parquet partitions `<table>/date=D/data.parquet` and reports, staged and swapped in as one file.

Does not know what is in a table, nor how it is computed. Folders for unpublished files come from `staging`.

One partition is one file, so that replacing it is one rename (or one object put): a reader, and a run that is killed at
any moment, see the old partition or the new one. Readers are never locked out; writers wait for one another only where
a partition is written by the runs of several days (`Lake.exclusive`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.errors import InputError, LakeError, describe_error
from acquisition_assets.core.staging import (
    STALE_SECONDS,
    discard_open_folders,
    open_folder,
    sweep_folders,
    temporary_place,
)

STAGING = ".staging"
PART = "data.parquet"
OBJECT_STORES = frozenset({"s3", "gs", "abfs", "az"})
ROWS_AS_READ = re.compile(r"raw_\w+|quarantine")
"""The tables that hold rows as the source has them: their files are for the lake's owner only."""
OWNER_ONLY = 0o600
discard_staging = discard_open_folders
CREDENTIALS = re.compile(r"\w[\w+.-]*:/{1,2}[^/?#]*@")


class Lake:
    """A folder, or any fsspec URL, of partitions by table and business day.

    Raises:
        InputError: the URL holds credentials, or is of an unknown kind.
    """

    def __init__(self, url: str) -> None:
        if CREDENTIALS.match(url):
            raise InputError(
                "the URL of the lake holds credentials; leave them out, and give them to the store in its own way (for "
                "s3:// that is AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile)"
            )
        self.url = url.rstrip("/") or "/"
        self.is_local = "://" not in url or url.startswith("file://")
        if self.is_local:
            self.root = str(Path(url.removeprefix("file://")).expanduser().absolute())
            self.fs: Any = fsspec.filesystem("file")
        else:
            self.fs, self.root = _open_url(self.url)

    def address(self, path: str) -> str:
        """The path of a local lake, or the URL of a path below a remote one, as engines want it."""
        return path if self.is_local else self.url + path.removeprefix(self.root)

    # -- reading ------------------------------------------------------------------------------------------------

    def days(self, table: str) -> list[dt.date]:
        """The days that a table has a partition for, in order."""
        folder = f"{self.root}/{table}"
        try:
            if self.is_local:
                names = [e.name for e in os.scandir(folder) if os.path.exists(f"{e.path}/{PART}")]  # noqa: PTH110
            else:
                names = [path.split("/")[-2] for path in self.fs.glob(f"{folder}/date=*/{PART}")]
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = []
        for name in names:
            with contextlib.suppress(ValueError):
                found.append(dt.date.fromisoformat(name.removeprefix("date=")))
        return sorted(found)

    def has(self, table: str, day: dt.date) -> bool:
        """Whether the lake holds this partition."""
        return bool(self.fs.exists(self._path(table, day)))

    def file(self, table: str, day: dt.date) -> str:
        """The path or URL of a partition's file, whether it exists or not."""
        return self.address(self._path(table, day))

    def files(self, table: str, days: Sequence[dt.date]) -> list[str]:
        """The files of those of the days that the lake has, in order."""
        have = set(self.days(table))
        return [self.file(table, day) for day in sorted(days) if day in have]

    def snapshot_files(self, table: str, days: Sequence[dt.date], folder: Path) -> list[str]:
        """The files of those of the days that the lake has, as they are now, whatever is published later.

        An engine opens a file several times for one query. On a local lake, links in the folder hold what was there
        the first time.
        """
        if not self.is_local:
            return self.files(table, days)
        found = []
        for day in sorted(days):
            file = Path(self._path(table, day))
            link = folder / "snapshot" / table / file.parent.name / PART
            while file.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # replaced at this very moment: look again
                    found.append(str(_linked(file, link)))
                    break
        return found

    def read(self, table: str, day: dt.date, columns: Sequence[str] | None = None, filters: Any = None) -> pa.Table:
        """A partition (or some of its columns and rows) as an Arrow table.

        Raises:
            LakeError: it is missing or cannot be read; the message says how to make it again.
        """
        try:
            with self._open(table, day) as file:  # once, as it may be replaced meanwhile
                return pq.read_table(file, columns=None if columns is None else list(columns), filters=filters)
        except FileNotFoundError as error:
            raise LakeError(
                f"the lake has no partition {table}/date={day}; make it with: acquisition run --date {day}"
            ) from error
        except (pa.ArrowException, OSError) as error:
            raise corrupt(table, str(day), error) from error

    def row_count(self, table: str, day: dt.date) -> int:
        """Rows of a partition, from its footer."""
        try:
            with self._open(table, day) as file:
                return int(pq.ParquetFile(file).metadata.num_rows)
        except FileNotFoundError as error:
            raise LakeError(f"the lake has no partition {table}/date={day}") from error
        except (pa.ArrowException, OSError) as error:
            raise corrupt(table, str(day), error) from error

    def read_report(self, day: dt.date, task: str) -> str:
        """A day's published JSON report of a task."""
        missing = f"the lake has no report {task} of {day}; make it with: acquisition run --date {day}"
        return self._read_text(f"reports/date={day}/{task}.json", missing)

    def read_page(self, path: str) -> str:
        """A published page, by its place below the lake.

        Raises:
            LakeError: it is missing.
        """
        return self._read_text(path, f"the lake has no page {path}; make it with: acquisition brief")

    def _read_text(self, path: str, missing: str) -> str:
        try:
            return str(self.fs.cat_file(f"{self.root}/{path}").decode("utf-8"))
        except FileNotFoundError as error:
            raise LakeError(missing) from error

    # -- writing ------------------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """Prove that the lake can be written.

        Raises:
            InputError: it cannot.
        """
        probe = f"{self.root}/{STAGING}/{uuid.uuid4().hex}"
        try:
            self._make_folder(f"{self.root}/{STAGING}")
            self.fs.pipe_file(probe, b"")
            self.fs.rm_file(probe)
        except Exception as error:
            raise InputError(
                f"the lake {self.url} cannot be written ({describe_error(error)}); choose another folder with --lake "
                "or ACQUISITION_LAKE, or give this user the right to write there"
            ) from error

    def staging(self) -> contextlib.AbstractContextManager[Path]:
        """Return a new local folder for files that are not published yet; it is gone afterwards.

        On a local lake it is inside the lake, so that publishing is a rename. No sweep removes it while it is open.
        """
        return open_folder(self._staging_place())

    def _staging_place(self) -> Path:
        return Path(self.root) / STAGING if self.is_local else temporary_place()

    @contextlib.contextmanager
    def exclusive(self, step: str) -> Iterator[None]:
        """Wait until no other process is in this step on this lake, and keep others out of it meanwhile.

        The lock is the operating system's: a process that is killed lets go of it. Object stores have none.
        """
        if not self.is_local:
            yield
            return
        path = Path(self.root) / STAGING / f"{step}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def publish(self, staged: Path, table: str, day: dt.date) -> None:
        """Put a staged Parquet file in the place of a partition, atomically; rows as read are for the owner only."""
        if self.is_local and ROWS_AS_READ.fullmatch(table):
            with contextlib.suppress(OSError):  # a file system without rights; a missing file is reported below
                staged.chmod(OWNER_ONLY)
        self._publish(staged, self._path(table, day), f"partition {table}/date={day}")

    def publish_report(self, text: str, day: dt.date, task: str) -> None:
        """Put a report in its place, atomically."""
        self._publish_text(text, f"reports/date={day}/{task}.json", f"report {task} of {day}")

    def publish_file(self, staged: Path, name: str) -> None:
        """Put a staged file in its place below the lake, atomically."""
        self._publish(staged, f"{self.root}/{name}", name)

    def publish_page(self, text: str, path: str) -> None:
        """Put a page for people in its place below the lake, atomically."""
        self._publish_text(text, path, path)

    def _publish_text(self, text: str, path: str, what: str) -> None:
        with self.staging() as folder:
            staged = folder / path.rsplit("/", 1)[-1]
            staged.write_text(text, encoding="utf-8")
            self._publish(staged, f"{self.root}/{path}", what)

    def link(self, path: str) -> str:
        """The URL of a file below the lake, whether it exists or not."""
        return Path(self.root, path).as_uri() if self.is_local else f"{self.url}/{path}"

    def sweep(self) -> None:
        """Remove what killed runs left in staging, at once, and nothing that a run still has open."""
        sweep_folders(self._staging_place())
        if not self.is_local:
            self._sweep_remote()

    def _sweep_remote(self) -> None:
        now = dt.datetime.now(dt.timezone.utc)
        with contextlib.suppress(FileNotFoundError, NotImplementedError):
            for path in self.fs.find(f"{self.root}/{STAGING}"):
                with contextlib.suppress(FileNotFoundError):
                    if (now - self.fs.modified(path)).total_seconds() > STALE_SECONDS:
                        self.fs.rm_file(path)

    def _publish(self, staged: Path, target: str, what: str) -> None:
        try:
            if self.is_local:
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                os.replace(staged, target)  # noqa: PTH105
            else:
                self._make_folder(target.rsplit("/", 1)[0])
                self.fs.put_file(str(staged), target)
        except Exception as error:  # stores raise what they like
            raise LakeError(
                f"{what} could not be written to {self.url} ({describe_error(error)}); the old one stays"
            ) from error

    def _make_folder(self, path: str) -> None:
        """Object stores have no folders; asked for one, they would make a bucket of a mistyped name."""
        if not OBJECT_STORES & set(self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,)):
            self.fs.makedirs(path, exist_ok=True)

    def _open(self, table: str, day: dt.date) -> Any:
        """A partition's file for Arrow, which reads a local one without calling back into Python.

        In such a call an interrupt would be lost.
        """
        path = self._path(table, day)
        return pa.OSFile(path) if self.is_local else self.fs.open(path, "rb")

    def _path(self, table: str, day: dt.date) -> str:
        return f"{self.root}/{table}/date={day.isoformat()}/{PART}"


def _linked(file: Path, link: Path) -> Path:
    """The link to what is there now; the file itself on a file system without links."""
    try:
        link.hardlink_to(file)
    except FileExistsError:
        return link
    except FileNotFoundError:
        raise
    except OSError:
        return file
    return link


def _open_url(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it; no listing is remembered, as other processes write there too.

    Raises:
        InputError: its kind is unknown, or its package is not installed.
    """
    try:
        fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except Exception as error:  # each kind of store raises its own
        raise InputError(
            f"the lake {url} cannot be opened ({describe_error(error)}); name a folder, or an fsspec URL whose package "
            "is installed (for s3:// that is acquisition-assets[s3])"
        ) from error
    return fs, str(root)


def corrupt(table: str, day: str, reason: str | Exception) -> LakeError:
    """Return the error for a partition that exists but cannot be read; an exception's own words are not repeated."""
    words = reason if isinstance(reason, str) else describe_error(reason)
    return LakeError(
        f"partition {table}/date={day} of the lake is corrupt ({words[:200]}); make it again with: "
        f"acquisition run --date {day}" + (" --full" if table == "raw_events" else "")
    )
