"""Here: the command line `acquisition`: its commands, their options, and how errors become one line and an exit code.

Not here: what the commands do; each imports its module from commands/ when it is called, so that `--help` is quick.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from acquisition_assets import __version__
from acquisition_assets.core.errors import AcquisitionError
from acquisition_assets.core.masking import clean

USAGE_ERROR = 2
INTERRUPTED = 130


class Commands(TyperGroup):
    """The commands; whatever goes wrong in one is told in one line on stderr."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; standalone, it ends the process with the exit code."""

        def run_it() -> Any:
            return super(Commands, self).main(args, prog_name, complete_var, False, windows_expand_args, **extra)

        if not standalone_mode:
            return run_it()
        sys.exit(_guarded(run_it))


def _guarded(command: Callable[[], Any]) -> int:
    """The exit code of a command; an error is told in one line."""
    try:
        return int(command() or 0)
    except AcquisitionError as error:
        return _told(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _told("interrupted", INTERRUPTED)
    except OSError as error:
        return _told(f"{error.filename or 'the system'}: {error.strerror or error}", AcquisitionError.exit_code)
    except Exception as error:
        usage = _usage_error(error)
        if usage is None:
            raise
        return _told(usage, USAGE_ERROR)


def _told(message: str, exit_code: int) -> int:
    typer.echo(f"error: {clean(message)}", err=True)
    return exit_code


def _usage_error(error: Exception) -> str | None:
    """The line for a wrong command line; None for any other error."""
    if not hasattr(error, "format_message"):
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "acquisition"
    return f"{str(error.format_message()).rstrip('.')}; see {command} --help"


app = typer.Typer(
    name="acquisition", cls=Commands, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False
)

Source = Annotated[
    str | None,
    typer.Option(metavar="sample|DIR|URL", help="The sample, a folder of files, or a postgresql:// URL."),
]
LakeFolder = Annotated[str | None, typer.Option("--lake", metavar="DIR", help="Folder or URL of the lake.")]
PolicyFile = Annotated[
    str | None, typer.Option("--policy", metavar="FILE", help="YAML file that overrides numbers of the policy.")
]
Day = Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Business day.")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Organic lead acquisition: scores, predictions, recommendations, segments, anomalies and channels, every day.

    Options win over the environment variables ACQUISITION_SOURCE, ACQUISITION_LAKE, ACQUISITION_POLICY, ...
    """
    if version:
        typer.echo(f"acquisition {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(short_help="Make all tables and reports of a day, or of a range of days.")
def run(
    date: Day = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day of a range (with --to).")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day of the range.")] = None,
    source: Source = None,
    lake: LakeFolder = None,
    policy: PolicyFile = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read all events again, not only the last days and those not yet read.")
    ] = False,
) -> None:
    """Materialise the whole graph for a day (default: yesterday; for the sample, its last day) or for a range of days.

    Exit code: 0 done; 1 an asset failed; 2 wrong input; 130 interrupted.
    """
    from acquisition_assets.commands.run import run_command

    raise typer.Exit(run_command(date, first, last, full=full, source=source, lake=lake, policy=policy))


@app.command(short_help="Open the Dagster UI.")
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web server.")] = 3000,
    host: Annotated[str, typer.Option(help="Address that the web server listens on.")] = "127.0.0.1",
    days: Annotated[
        int, typer.Option(min=0, max=120, help="Days of the sample to materialise first, where the lake has none.")
    ] = 4,
    home: Annotated[
        str | None, typer.Option(metavar="DIR", help="Dagster's folder (default: DAGSTER_HOME, else .dagster_home).")
    ] = None,
    source: Source = None,
    lake: LakeFolder = None,
    policy: PolicyFile = None,
) -> None:
    """Open the Dagster UI; for the sample, with some days already materialised. Ctrl-C stops it."""
    from acquisition_assets.commands.ui import ui_command

    raise typer.Exit(ui_command(host, port, days, home, source=source, lake=lake, policy=policy))


@app.command(short_help="Check policy, source and lake; nothing is written.")
def validate(source: Source = None, lake: LakeFolder = None, policy: PolicyFile = None) -> None:
    """Check the policy, the source and the lake without writing anything.

    Exit code: 0 all is well; 1 a partition of the lake is corrupt; 2 wrong input.
    """
    from acquisition_assets.commands.validate import validate_command

    raise typer.Exit(validate_command(source=source, lake=lake, policy=policy))


@app.command(short_help="Say why a lead has its score, segments and items.")
def explain(
    lead: Annotated[str, typer.Option(metavar="ID", help="Id of the lead.")],
    date: Day = None,
    lake: LakeFolder = None,
    policy: PolicyFile = None,
) -> None:
    """Explain a lead's score, prediction, segments and recommendations, from the lake (default: its newest day)."""
    from acquisition_assets.commands.explain import explain_command

    raise typer.Exit(explain_command(lead, date, lake=lake, policy=policy))


def main() -> None:
    """The entry point of the program `acquisition`."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    try:
        app(prog_name="acquisition")
    except SystemExit as ended:
        _end(ended.code)


def _end(code: str | int | None) -> NoReturn:
    """End the process without an orderly shutdown of the interpreter.

    Threads of native libraries may outlive their work by a moment, and one that still runs then aborts a process that
    has done everything well.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
