"""Connects to PostgreSQL: checks a URL, shows it without its secrets, sets time-outs, and says what is worth a retry.

Does not read or write any table (see `sources.postgres` and `destinations`).
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import time
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
UNKNOWN_HOST = ("Name or service not known", "nodename nor servname", "No address associated")
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between tries to connect where the server has no free connection."""
HOST_NAME = re.compile(r"[\w.-]+")
LARGEST_PORT = 65535


def parse(url: str) -> dict[str, str]:
    """Return the parts of a `postgresql://` URL or of a libpq connection string.

    Raises:
        InputError: it cannot be parsed, or its host, port or database are none, as where a password has an `@` that is
            not percent-encoded; the message repeats nothing of it, as any part may be one of a password.
    """
    try:
        given = {name: str(value) for name, value in conninfo.conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        raise InputError(
            "the PostgreSQL URL cannot be parsed; write postgresql://user@host:5432/database and percent-encode "
            "special characters in its parts"
        ) from None
    hosts = [host for name in ("host", "hostaddr") for host in given.get(name, "").split(",") if host]
    ports = [port for port in given.get("port", "").split(",") if port]
    for part, is_wrong in (
        ("host", not all(map(_is_host, hosts))),
        ("port", not all(port.isascii() and port.isdigit() and 0 < int(port) <= LARGEST_PORT for port in ports)),
        ("database", bool(set("@:") & set(given.get("dbname", "")))),
    ):
        if is_wrong:
            raise InputError(
                f"the {part} of the PostgreSQL URL cannot be one; write postgresql://user:password@host:5432/database "
                "and percent-encode special characters of the password (@ as %40, : as %3A, / as %2F)"
            )
    return given


def _is_host(host: str) -> bool:
    """Return whether this is the name or address of a host, or the folder of a socket."""
    if host.startswith("/"):
        return "@" not in host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return HOST_NAME.fullmatch(host) is not None
    return True


def describe_url(url: str) -> str:
    """Return a URL for people: who, where and which database, and never a secret.

    Raises:
        InputError: see `parse`.
    """
    given = parse(url)
    if "service" in given:
        return f"postgresql service {given['service']}"
    user = f"{given['user']}@" if "user" in given else ""
    hosts = given.get("host", given.get("hostaddr", "")).split(",")
    ports = given.get("port", "").split(",")
    named = [f"[{host}]" if ":" in host and not host.startswith("/") else host for host in hosts]
    places = [f"{host}:{port}" if port else host for host, port in zip(named, ports * len(hosts), strict=False)]
    return f"postgresql://{user}{','.join(places)}/{given.get('dbname', '')}"


def connection_string(url: str) -> str:
    """Return the libpq connection string of a URL, with keep-alives and a connect time-out where it sets none."""
    return conninfo.make_conninfo("", **{**DEFAULTS, **parse(url), "client_encoding": "UTF8"})


@contextlib.contextmanager
def connect(url: str, *, autocommit: bool = False) -> Iterator[Connection]:
    """Open a connection with time-outs, closed at the end; PostgreSQL's errors become errors of the project.

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
    """Return the project's error for an error of PostgreSQL.

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
    """Return a connection; wait a little where the server has none free.

    Raises:
        InputError: the URL or what it names is wrong.
        SourceUnavailableError: the server is away or full.
    """
    given = connection_string(url)
    for pause in (*PAUSES, None):
        try:
            return psycopg.connect(given)
        except psycopg.ProgrammingError as error:
            raise InputError(f"{label}: a setting of the URL is wrong ({error}); correct it") from None
        except psycopg.Error as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if any(words in reason for words in FULL_SERVER):
            if pause is not None:
                time.sleep(pause)
            continue
        if any(words in reason for words in UNKNOWN_HOST):
            raise InputError(f"{label}: the host is unknown; check the host of the URL")
        answer = pq.PGconn.ping(given.encode())
        if answer == pq.Ping.NO_ATTEMPT and not _is_unresolved(reason):
            raise InputError(f"{label}: a setting of the URL or of the service file is wrong ({reason}); correct it")
        if answer == pq.Ping.OK:
            raise InputError(f"{label}: {reason}; {CONNECT_REMEDY}")
        break
    raise SourceUnavailableError(f"{label}: {reason}; run it again when the server is back")


def _is_unresolved(reason: str) -> bool:
    return "resolve" in reason or "translate host name" in reason
