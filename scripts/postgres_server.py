"""Starts a private PostgreSQL server in a temporary folder, for tests, benchmarks and `make production-like`.

Installing its programs is left to postgres.sh.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

INSTALLER = Path(__file__).with_name("postgres.sh")
QUICK = {"fsync": "off", "full_page_writes": "off"}
"""Settings that are safe as long as the machine itself does not crash."""

UNPRIVILEGED = ("postgres", "nobody")


class Server:
    """A server on a free port of 127.0.0.1, with a private folder that `remove` deletes.

    PostgreSQL refuses to run as root: root's server runs as `postgres` or, where there is no such user, as `nobody`.

    Args:
        settings: values of postgresql.conf.
        password: of its superuser `postgres`; only connections over TCP need it.
        largest_file_mb: no file may grow beyond this (at least 17, as a segment of the log takes 16).
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        password: str = "postgres",
        largest_file_mb: int | None = None,
    ) -> None:
        self.password = password
        self._limit = [] if largest_file_mb is None else _limited(largest_file_mb)
        self.port = _free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="acquisition-pg-"))
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            **(settings or {}),
        }
        found = subprocess.run([INSTALLER], check=True, capture_output=True, text=True).stdout.strip()
        self._bin = Path(found, "initdb").resolve().parent
        self._account = _account()
        if self._account:
            os.chown(self.folder, self._account["user"], self._account["group"])
        self._initialise()

    def url(self, user: str = "postgres", password: str | None = None, database: str = "postgres") -> str:
        """Return the URL of a database on this server."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        log = self.folder / "server.log"
        self._run("pg_ctl", "start", "-w", "-t", "60", "-D", self._data, "-l", log, "-o", f"-p {self.port} {options}")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` ends the sessions, `immediate` is like a power cut."""
        self._run("pg_ctl", "stop", "-w", "-t", "60", "-D", self._data, "-m", mode)

    def pause(self, on: bool) -> None:
        """Freeze the main process, so that it accepts no session, or resume it."""
        pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGSTOP if on else signal.SIGCONT)

    def remove(self) -> None:
        """Stop the server if it runs, and delete its folder."""
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def program_folder(self) -> Path:
        """Return the folder of psql and the server's other programs."""
        return self._bin

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _initialise(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        self._run(
            *("initdb", "-D", self._data, "-U", "postgres", "--pwfile", secret, "-E", "UTF8", "--locale=C", "-N"),
            *("--auth-local=trust", "--auth-host=scram-sha-256"),
        )
        secret.unlink()

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [*self._limit, str(self._bin / program), *map(str, arguments)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            **self._account,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")


def _limited(megabytes: int) -> list[str]:
    """Return the head of a command that runs its tail with a file size limit (in blocks of 512 bytes)."""
    return ["/bin/sh", "-c", f'ulimit -f {megabytes * 2048}; exec "$0" "$@"']


def _account() -> dict[str, Any]:
    """Return keyword arguments for subprocess that drop root's privileges; empty for other users."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in UNPRIVILEGED if name in known)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
