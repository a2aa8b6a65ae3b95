"""Here: connecting to PostgreSQL: a URL without its secrets, time-outs, and which error is worth a retry.

Not here: what is read or written there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import conninfo, pq
from psycopg.rows import TupleRow

from acquisition_assets.core.errors import AcquisitionError, InputError, SourceUnavailableError

Connection = psycopg.Connection[TupleRow]

DEFAULTS = {
    "application_name": "acquisition",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
TIMEOUTS = """
select set_config(given.name, given.value, false)
from (values ('statement_timeout', '1h'), ('lock_timeout', '30s')) as given (name, value)
where current_setting(given.name) = '0'
"""
"""Limits of a session; a limit that the role, the database or the URL sets already is left as it is."""

PASSING_CLASSES = ("08", "40", "53", "57", "58", "XX")
PASSING_STATES = ("25P02", "25P03", "25P04", "55P03")
REMEDIES = {
    "28": "check the user and the password (in the URL, PGPASSFILE or a service file)",
    "3D": "check the name of the database in the URL",
    "25006": "it takes no writes: name the primary server",
    "42501": "give the role the rights of sql/postgres/roles.sql",
    "42P01": "create the table, or adapt the query that names it",
    "42703": "add the column, or adapt the query that names it",
    "42883": "a column has another type than the query expects; adapt the query",
    "42": "adapt the query",
    "22": "a setting or a value has another type than is expected; adapt it",
}
CONNECT_REMEDY = "check host, port, user, password and database of the URL"
FULL_SERVER = ("too many", "connection slots")


def parse(url: str) -> dict[str, str]:
    """The parts of a `postgresql://` URL or of a libpq connection string.

    Raises:
        InputError: it cannot be parsed; the message does not repeat it, as it may hold a password.
    """
    try:
        return {name: str(value) for name, value in conninfo.conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        raise InputError(
            "the PostgreSQL URL cannot be parsed; write postgresql://user@host:5432/database and percent-encode "
            "special characters in its parts"
        ) from None


def describe_url(url: str) -> str:
    """A URL for people: who, where and which database, and never a secret."""
    given = parse(url)
    if "service" in given:
        return f"postgresql service {given['service']}"
    user = f"{given['user']}@" if "user" in given else ""
    hosts = given.get("host", given.get("hostaddr", "")).split(",")
    ports = given.get("port", "").split(",")
    places = [f"{host}:{port}" if port else host for host, port in zip(hosts, ports * len(hosts), strict=False)]
    return f"postgresql://{user}{','.join(places)}/{given.get('dbname', '')}"


def connection_string(url: str) -> str:
    """The libpq connection string of a URL, with keep-alives and a connect time-out where it sets none."""
    return conninfo.make_conninfo("", **{**DEFAULTS, **parse(url), "client_encoding": "UTF8"})


@contextlib.contextmanager
def connect(url: str, *, autocommit: bool = False) -> Iterator[Connection]:
    """A connection with time-outs, closed at the end; PostgreSQL's errors become errors of the project.

    Raises:
        SourceUnavailableError: the server is not there, or hung up: worth a retry.
        InputError: anything that a retry does not help, such as a wrong password or a missing table.
    """
    label = describe_url(url)
    connection = _connected(url, label)
    try:
        with readable_errors(label):
            connection.execute(TIMEOUTS)
            connection.commit()
            connection.autocommit = autocommit
            yield connection
            if not connection.autocommit:
                connection.commit()
    finally:
        connection.close()


@contextlib.contextmanager
def readable_errors(place: str) -> Iterator[None]:
    """Turn the driver's errors into one line of the project's that names the place and says what to do."""
    try:
        yield
    except psycopg.Error as error:
        text = error.diag.message_primary or str(error) or type(error).__name__
        raise database_error(place, text, error.sqlstate) from None


def database_error(place: str, text: str, state: str | None) -> AcquisitionError:
    """The project's error for an error of PostgreSQL.

    Args:
        place: where it happened.
        text: PostgreSQL's message.
        state: its SQLSTATE; None where the connection itself broke.
    """
    reason = text.strip().splitlines()[0].rstrip(".")
    if state is None or state.startswith(PASSING_CLASSES) or state in PASSING_STATES:
        return SourceUnavailableError(f"{place}: {reason}; run it again when the server is well")
    remedy = next((words for prefix, words in REMEDIES.items() if state.startswith(prefix)), "see the server's log")
    return InputError(f"{place}: {reason}; {remedy}")


def _connected(url: str, label: str) -> Connection:
    given = connection_string(url)
    try:
        return psycopg.connect(given)
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    answers = pq.PGconn.ping(given.encode()) == pq.Ping.OK
    if answers and not any(words in reason for words in FULL_SERVER):
        raise InputError(f"{label}: {reason}; {CONNECT_REMEDY}")
    raise SourceUnavailableError(f"{label}: {reason}; run it again when the server is back")
