"""Defines the command line `acquisition`: its commands, their options, and how errors become a line and an exit code.

Does not do the commands' work: each imports its module from commands/ when it is called, so that `--help` is quick.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from acquisition_assets import __version__
from acquisition_assets.core.errors import (
    AcquisitionError,
    ExitCode,
    InputError,
    describe_defect,
    describe_error,
    is_out_of_memory,
)
from acquisition_assets.core.masking import sanitize

LAST_STANDARD = 2
"""The descriptor of stderr."""
OUT_OF_MEMORY = (
    "there is not enough memory to run; "
    "give it at least 2 GB of memory (ulimit -v, the container's limit), or end other programs"
)


class _InterruptedError(AcquisitionError):
    """Ctrl-C, which typer would end without a word."""

    exit_code = ExitCode.INTERRUPTED.value


class Commands(TyperGroup):
    """The commands; whatever goes wrong in one is reported in one line on stderr."""

    def invoke(self, context: Any) -> Any:
        """Run the command that is named."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise _InterruptedError("interrupted") from None

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
    """Run a command and return its exit code; whatever is raised becomes one line.

    This is the last barrier: no input and no environment ends in a traceback.
    """
    with contextlib.suppress(MemoryError):
        return _reported(command)
    # Only here has the error gone, and with its frames what the command has read: there is memory for a line again.
    return _report(OUT_OF_MEMORY, ExitCode.FAILED)


def _reported(command: Callable[[], Any]) -> int:
    """See `_guarded`; what fails for lack of memory, the report of another error included, is a MemoryError."""
    try:
        return int(command() or 0)
    except AcquisitionError as error:
        return _report(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _report("interrupted", ExitCode.INTERRUPTED)
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from None
        usage = _usage_error(error)
        if usage is not None:
            return _report(usage, ExitCode.WRONG_INPUT)
        if isinstance(error, PermissionError) and error.filename:
            return _report(f"{describe_error(error)}; give this user the right to it", ExitCode.WRONG_INPUT)
        if isinstance(error, OSError):
            return _report(f"{'' if error.filename else 'the system: '}{describe_error(error)}", ExitCode.FAILED)
        return _report(describe_defect(error), ExitCode.FAILED)


def _report(message: str, exit_code: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        typer.echo(f"error: {sanitize(message)}", err=True)
    return int(exit_code)


def _usage_error(error: Exception) -> str | None:
    """Return the line for a wrong command line; None for any other error."""
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
Layouts = Annotated[
    list[str] | None,
    typer.Option("--layout", metavar="NAME|FILE", help="Layout of the source's files; may be given several times."),
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
    forget: Annotated[
        bool, typer.Option("--forget", help="With --full: empty the days of which the source has no row any more.")
    ] = False,
    layout: Layouts = None,
) -> None:
    """Materialise the whole graph for a day (default: yesterday; for the sample, its last day) or for a range of days.

    Exit code: 0 done; 1 an asset failed; 2 wrong input; 130 interrupted.
    """
    from acquisition_assets.commands.run import run_command

    options = {"source": source, "lake": lake, "policy": policy, "layout": _joined(layout)}
    raise typer.Exit(run_command(date, first, last, full=full, forget=forget, **options))


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
    layout: Layouts = None,
) -> None:
    """Open the Dagster UI; for the sample, with some days already materialised. Ctrl-C stops it."""
    from acquisition_assets.commands.ui import ui_command

    options = {"source": source, "lake": lake, "policy": policy, "layout": _joined(layout)}
    raise typer.Exit(ui_command(host, port, days, home, **options))


@app.command(short_help="Check policy, source, rows, alerts and lake; nothing is written.")
def validate(
    date: Day = None,
    source: Source = None,
    lake: LakeFolder = None,
    policy: PolicyFile = None,
    layout: Layouts = None,
) -> None:
    """Check the policy, the rows of the source (as of the end of a day; default: yesterday), the alerts and the lake.

    Nothing is written. Exit code: 0 a run would go on; 1 it would stop, or a partition of the lake is corrupt; 2 wrong
    input.
    """
    from acquisition_assets.commands.validate import validate_command

    raise typer.Exit(validate_command(date, source=source, lake=lake, policy=policy, layout=_joined(layout)))


@app.command(short_help="List the shipped layouts, or draft one for exports that none knows.")
def layout(
    source: Source = None,
    listed: Annotated[bool, typer.Option("--list", help="Show the shipped layouts and what each reads.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the draft into the folder.")] = False,
    layout: Layouts = None,
) -> None:
    """Draft a layout for each file of a folder that no layout knows, or list the shipped layouts.

    Values in a draft are masked where they are personal. Exit code: 0 done; 2 wrong input.
    """
    from acquisition_assets.commands.layout import layout_command

    raise typer.Exit(layout_command(listed=listed, write=write, source=source, layout=_joined(layout)))


@app.command(short_help="Send a test alert to each target.")
def alert(
    test: Annotated[bool, typer.Option("--test", help="Send a test to each target of ACQUISITION_ALERT_URLS.")] = False,
) -> None:
    """Send a test alert to each target of ACQUISITION_ALERT_URLS, and say what came of it.

    Exit code: 0 each target took it; 1 one did not; 2 there is no target, or one is not a URL that apprise knows.
    """
    from acquisition_assets.commands.alert import alert_command

    if not test:
        raise InputError("nothing to do; send a test to each target with: acquisition alert --test")
    raise typer.Exit(alert_command())


@app.command(short_help="Judge the daily counts of a CSV file by what is expected.")
def watch(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV file: day, metric, value, optional trials, channel.")
    ],
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day to judge (default: the file's first).")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day to judge (default: the file's last).")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--json", metavar="OUT", help="Write every row to this file as JSON.")
    ] = None,
    policy: PolicyFile = None,
) -> None:
    """Judge each day of a file of daily counts by what its own past lets expect, and print what is out of line.

    Neither the lake nor a source is read. Exit code: 0, whatever is found; 2 wrong input.
    """
    from acquisition_assets.commands.watch import watch_command

    raise typer.Exit(watch_command(file, first, last, output, policy=policy))


@app.command(short_help="Show what is not as expected, or acknowledge an incident.")
def incidents(
    only_open: Annotated[bool, typer.Option("--open", help="Show open incidents only.")] = False,
    acknowledged: Annotated[
        str | None, typer.Option("--ack", metavar="ID", help="Silence the alerts of this incident.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="YYYY-MM-DD", help="Last day of the silence (with --ack).")
    ] = None,
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="Reason of the silence (with --ack).")
    ] = None,
    lake: LakeFolder = None,
) -> None:
    """Show the incidents of the lake's newest day, or silence the alerts of one of them up to a day.

    Exit code: 0 done; 2 wrong input.
    """
    from acquisition_assets.commands.incidents import incidents_command

    code = incidents_command(only_open=only_open, acknowledged=acknowledged, until=until, why=why, lake=lake)
    raise typer.Exit(code)


@app.command("simulate-alerts", short_help="Show the alerts that the past would have brought.")
def simulate_alerts(
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day (default: the lake's first).")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day (default: the lake's last).")
    ] = None,
    lake: LakeFolder = None,
    policy: PolicyFile = None,
) -> None:
    """Show the alerts of incidents that past days would have brought under the policy; nothing is sent or written.

    Exit code: 0, whatever is found; 2 wrong input.
    """
    from acquisition_assets.commands.incidents import simulate_command

    raise typer.Exit(simulate_command(first, last, lake=lake, policy=policy))


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


@app.command(short_help="Write a table or the members of a segment to a file for people.")
def export(
    what: Annotated[str, typer.Argument(metavar="TABLE|segment", help="Name of a table, or the word segment.")],
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Name of the segment.")] = None,
    date: Day = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|jsonl|xlsx|parquet", help="Format (default: by --output, else csv)."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B", help="Columns, in this order (default: all of them).")
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="PATH", help="File to write, replaced if it exists (default: stdout).")
    ] = None,
    with_emails: Annotated[
        bool, typer.Option("--with-emails", help="Write e-mail addresses and other personal data as they are.")
    ] = False,
    lake: LakeFolder = None,
    policy: PolicyFile = None,
) -> None:
    """Write a day of a table, or the members of a segment with their main figures (default: the newest day).

    E-mail addresses are masked, also where they are ids. Exit code: 0 written; 1 the lake is damaged; 2 wrong input.
    """
    from acquisition_assets.commands.export import Wanted, export_command

    wanted = Wanted(what, name, date, form, columns, output, with_emails)
    raise typer.Exit(export_command(wanted, lake=lake, policy=policy))


@app.command(short_help="Write the views of lake.duckdb, for a lake that was moved.")
def views(lake: LakeFolder = None) -> None:
    """Write lake.duckdb into the lake: one view per table over all days, and one of its newest day.

    Runs write it themselves. Exit code: 0 written; 1 it cannot be written; 2 wrong input.
    """
    from acquisition_assets.commands.views import views_command

    raise typer.Exit(views_command(lake=lake))


@app.command(short_help="Make the page of a day for people, from the lake.")
def brief(
    date: Day = None,
    opened: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    week: Annotated[bool, typer.Option("--week", help="Add two weeks, on a page of its own.")] = False,
    lake: LakeFolder = None,
    policy: PolicyFile = None,
) -> None:
    """Make the brief of a day (default: the lake's newest) from the lake alone, and print where it is.

    Exit code: 0 made; 1 it failed; 2 wrong input.
    """
    from acquisition_assets.commands.brief import brief_command

    raise typer.Exit(brief_command(date, opened=opened, with_week=week, lake=lake, policy=policy))


@app.command(short_help="Show what a new policy would change, and whether it is better.")
def compare(
    policy: Annotated[str, typer.Option("--policy", metavar="FILE", help="YAML file of the new policy.")],
    date: Day = None,
    weeks: Annotated[int, typer.Option(min=1, max=520, help="Past weeks whose outcomes are looked at.")] = 12,
    output: Annotated[str, typer.Option(metavar="DIR", help="Folder of the page and the JSON file.")] = ".",
    lake: LakeFolder = None,
) -> None:
    """Compute a day (default: the lake's newest) and past weeks under the present and a new policy, and compare them.

    The present policy is that of ACQUISITION_POLICY, else the shipped one. The lake is only read. Writes
    compare-DAY.html and compare-DAY.json. Exit code: 0 compared; 2 wrong input.
    """
    from acquisition_assets.commands.compare import compare_command

    raise typer.Exit(compare_command(policy, date, weeks, output, lake))


def _joined(layouts: list[str] | None) -> str | None:
    """Return several options as the one setting that they are."""
    return ",".join(layouts) if layouts else None


def main() -> None:
    """Run the program `acquisition`: its entry point."""
    _make_streams_usable()
    threading.excepthook = _report_in_thread
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    try:
        app(prog_name="acquisition")
    except SystemExit as ended:
        _end(ended.code)


def _make_streams_usable() -> None:
    """Give the program streams that take any text, also where the shell has closed them.

    A closed descriptor would be given to the next file that is opened, and what a library prints would go into it.
    """
    with contextlib.suppress(OSError):
        while (opened := os.open(os.devnull, os.O_RDWR)) <= LAST_STANDARD:  # the lowest free descriptor is given
            pass
        os.close(opened)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _report_in_thread(failed: threading.ExceptHookArgs) -> None:
    """Report what a thread did not catch in one line; the run goes on or fails by itself."""
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        _report(describe_defect(failed.exc_value), ExitCode.FAILED)


def _end(code: str | int | None) -> NoReturn:
    """End the process without an orderly shutdown of the interpreter.

    Threads of native libraries may outlive their work by a moment, and one that still runs then aborts a process that
    has done everything well.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
