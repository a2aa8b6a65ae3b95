"""Makes folders for unpublished files that a lock protects while they are open, and sweeps what killed runs left.

Does not know what is staged in them (see `lake`).

Each folder `<name>` has a file `<name>.lock` beside it that is locked before the folder is made, and removed after it.
The lock is the operating system's, so a process that is killed lets go of it, and a process that is suspended does not.
Whoever gets the lock may remove the folder; no clock is asked, except on file systems without locks.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

STALE_SECONDS = 24 * 3600
"""Age at which leftovers are swept where no lock says whose they are."""
NAME = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")
LONGEST_TEMPORARY = 60
"""Characters of a folder's path that leave room for the address of a socket in it, which may have 107."""
_open_folders: dict[Path, int] = {}
"""The folders that this process has open, each with the file descriptor of its lock (-1: none)."""


@contextlib.contextmanager
def open_folder(place: Path) -> Iterator[Path]:
    """Make a new folder in a place; it is locked while it is open, and gone afterwards."""
    place.mkdir(parents=True, exist_ok=True)
    folder = place / uuid.uuid4().hex[:16]
    _open_folders[folder] = -1  # before anything is made: an interrupt may come in between
    try:
        while not _lock(folder):
            folder = place / uuid.uuid4().hex[:16]
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _discard(folder)


def _lock(folder: Path) -> bool:
    """Lock a folder that is not made yet; False where a sweep has just removed the file of the lock."""
    path = _lock_path(folder)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _open_folders[folder] = descriptor
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return True
    os.close(_open_folders.pop(folder))
    return False


def _discard(folder: Path) -> None:
    """Remove a folder of this process, then the file of its lock, then the lock."""
    shutil.rmtree(folder, ignore_errors=True)
    descriptor = _open_folders.pop(folder, -1)
    with contextlib.suppress(OSError):
        _lock_path(folder).unlink()
    if descriptor >= 0:
        with contextlib.suppress(OSError):
            os.close(descriptor)


@atexit.register
def discard_open_folders() -> None:
    """Remove the folders that an interrupt has left: it may come where no `finally` is left to run.

    That is so where a step has given a result to Dagster, and waits for the next to be asked for.
    """
    for folder in list(_open_folders):
        _discard(folder)


def _forget_open_folders() -> None:
    """Leave the parent's folders to the parent, in a process that was forked from it."""
    _open_folders.clear()


os.register_at_fork(after_in_child=_forget_open_folders)


def sweep_folders(place: Path) -> None:
    """Remove the folders in a place that nobody has open, and the files of their locks."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(place)):
            name = entry.name.removesuffix(".lock")
            folder = place / name
            if folder in _open_folders:
                continue
            if NAME.fullmatch(name) and _lock_path(folder).exists():
                _sweep_locked(folder)
            elif not entry.name.endswith(".lock"):
                _sweep_old(folder)


def _sweep_locked(folder: Path) -> None:
    """Remove a folder whose lock nobody holds."""
    path = _lock_path(folder)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # it has just been removed, or belongs to somebody else
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    except OSError:  # a file system without locks
        _sweep_old(folder)
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            path.unlink()
    finally:
        os.close(descriptor)


def _sweep_old(leftover: Path) -> None:
    """Remove what has no lock and was not changed for a day: earlier versions made it, or a killed test of writing."""
    with contextlib.suppress(OSError):
        if time.time() - leftover.lstat().st_mtime > STALE_SECONDS:
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
                _lock_path(leftover).unlink(missing_ok=True)
            else:
                leftover.unlink()


def _lock_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def temporary_place() -> Path:
    """Return this user's place for folders outside any lake, in the system's folder for temporary files.

    Raises:
        OSError: there is none, or somebody else has made this one.
    """
    place = Path(tempfile.gettempdir()) / f"acquisition-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(errno.EACCES, "belongs to somebody else", str(place))
    return place


@contextlib.contextmanager
def swept_temporary_files() -> Iterator[None]:
    """Send temporary files of this process, its libraries and its children to a folder that is swept.

    multiprocessing's sockets and other libraries' folders are left behind when a process is killed, or ends without an
    orderly shutdown. The next run removes them with their folder. Where no such folder can be made, nothing changes.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            place = temporary_place()
            sweep_folders(place)
            folder = stack.enter_context(open_folder(place))
            if len(str(folder)) <= LONGEST_TEMPORARY:
                stack.callback(_send_temporary_files, tempfile.tempdir, os.environ.get("TMPDIR"))
                _send_temporary_files(str(folder), str(folder))
        yield


def _send_temporary_files(ours: str | None, children_folder: str | None) -> None:
    """Set where this process and its children put temporary files; None is the default."""
    tempfile.tempdir = ours
    if children_folder is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = children_folder
