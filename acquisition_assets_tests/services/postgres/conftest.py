"""Provides a real PostgreSQL server for the tests of this folder, and a database for each test.

Starting and stopping a server is left to scripts/postgres_server.py. Tests of this folder are marked `postgres`.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[3]
SQL = ROOT / "sql" / "postgres"
PASSWORD = "s3cret: p@ss/word%"
NUMBERS = itertools.count()


def _server_module() -> Any:
    spec = importlib.util.spec_from_file_location("postgres_server", ROOT / "scripts" / "postgres_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.postgres)


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """Start a server that stays up."""
    module = _server_module()
    running = module.Server(module.QUICK, PASSWORD)
    try:
        running.start()
        yield running
    finally:
        running.remove()


@pytest.fixture(scope="module")
def fragile_server() -> Iterator[Any]:
    """Start a server that tests stop and start."""
    module = _server_module()
    running = module.Server(module.QUICK, PASSWORD)
    try:
        running.start()
        yield running
    finally:
        running.remove()


@pytest.fixture
def cramped_server() -> Iterator[Any]:
    """Start a server whose files may not exceed 17 MB each."""
    module = _server_module()
    running = module.Server(module.QUICK, PASSWORD, largest_file_mb=17)
    try:
        running.start()
        yield running
    finally:
        running.remove()


@dataclass
class Database:
    """An empty database for one test."""

    server: Any
    name: str

    @property
    def url(self) -> str:
        return str(self.server.url(database=self.name))

    def as_role(self, role: str, password: str = PASSWORD) -> str:
        """Return the URL for another role."""
        return str(self.server.url(user=role, password=password, database=self.name))

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run statements as superuser and return the rows of the last one."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def run_file(self, path: Path) -> None:
        """Run each statement of a file separately, as psql does."""
        for statement in path.read_text().split(";\n"):
            if statement.strip():
                self.run(statement)


def make_database(server: Any) -> Database:
    name = f"test_{next(NUMBERS)}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return Database(server, name)


@pytest.fixture
def database(server: Any) -> Database:
    """Return an empty database."""
    return make_database(server)


@pytest.fixture
def source_database(server: Any) -> Database:
    """Return a database with the source's documented schema, without rows."""
    made = make_database(server)
    made.run((SQL / "source_schema.sql").read_text())
    return made


class Background:
    """A call in another thread, with its result or error available later."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._outcome: tuple[Any, BaseException | None] = (None, None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._outcome = (self._call(), None)
        except BaseException as error:
            self._outcome = (None, error)

    def result(self) -> Any:
        self._thread.join(60)
        assert not self._thread.is_alive(), "the call did not end"
        value, error = self._outcome
        if error is not None:
            raise error
        return value


def wait_until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait until the condition returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError("the condition was not met in time")
