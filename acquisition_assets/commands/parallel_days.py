"""Runs the days of a range in several processes, in parallel except for steps that need earlier days.

Running one day is left to `day`, and choosing how many days run at once to `run`.

A process takes the next day as soon as it is free, so one day can be ingested while the scores of the day before are
computed. A step that reads results of earlier days waits for them; `core.ordering` finds these steps in the graph. All
messages go through pipes rather than shared memory, so a killed process leaves no lock behind.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from acquisition_assets.core.errors import AcquisitionError
from acquisition_assets.core.lake import discard_staging
from acquisition_assets.core.settings import Settings

if TYPE_CHECKING:
    from acquisition_assets.commands.day import DayOutcome

STOP_SECONDS = 15
PRELOADED = ["acquisition_assets.commands.day", "acquisition_assets.definitions"]
Progress = Callable[[dt.date, str, int, float], None]


@dataclass
class _Worker:
    """A process, and the pipe on which it asks for work and reports."""

    process: Any
    pipe: Connection


@dataclass
class _Schedule:
    """The days still to run, the days that each step has done, and the processes that wait.

    A day is identified by its place in the range.
    waiting: the steps that a process waits for, and its own day.
    """

    days: Sequence[dt.date]
    begun: int = 0
    failed: int | None = None
    done: dict[str, set[int]] = field(default_factory=dict)
    waiting: dict[Connection, tuple[frozenset[str], int]] = field(default_factory=dict)

    def next_day(self) -> int | None:
        """Return the place of the next day, or None."""
        if self.begun == len(self.days) or self.failed is not None:
            return None
        self.begun += 1
        return self.begun - 1

    def finish(self, step: str, place: int) -> None:
        """Record that a step has done a day."""
        self.done.setdefault(step, set()).add(place)

    def is_ready(self, steps: frozenset[str], place: int) -> bool:
        """Return whether these steps have done all days before this one."""
        return all(self.done.get(step, set()).issuperset(range(place)) for step in steps)

    def answer(self) -> None:
        """Answer the waiting processes that can continue (True) or never will (False)."""
        for pipe, (steps, place) in list(self.waiting.items()):
            stopped = self.failed is not None and self.failed < place
            if stopped or self.is_ready(steps, place):
                del self.waiting[pipe]
                with contextlib.suppress(OSError):  # the process has ended, which reading its pipe reveals
                    pipe.send(not stopped)


class Processes:
    """Worker processes, started early so that they are ready when the first day can begin."""

    def __init__(
        self, settings: Settings, days: Sequence[dt.date], jobs: int, *, full: bool = False, forget: bool = False
    ) -> None:
        if not sys.warnoptions:
            os.environ.setdefault("PYTHONWARNINGS", "ignore")  # silence libraries, as in this process
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self._schedule = _Schedule(list(days))
        self._reading = {"full": full, "forget": forget}
        self._workers = [self._start(context, settings) for _ in range(min(jobs, len(days)))]

    def _start(self, context: Any, settings: Settings) -> _Worker:
        ours, theirs = context.Pipe()
        arguments = (settings, self._schedule.days, theirs, self._reading)
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def run(self, progress: Progress) -> list[DayOutcome]:
        """Run the days. Return the outcomes in order, up to the first day that failed.

        Raises:
            AcquisitionError: A process was killed.
        """
        outcomes: dict[int, DayOutcome] = {}
        for place, outcome in self._outcomes(progress):
            outcomes[place] = outcome
            if outcome.exit_code:
                failed = self._schedule.failed
                self._schedule.failed = place if failed is None else min(failed, place)
                self._schedule.answer()
        last = len(outcomes) if self._schedule.failed is None else self._schedule.failed + 1
        return [outcomes[place] for place in sorted(outcomes)][:last]

    def _outcomes(self, progress: Progress) -> Iterator[tuple[int, DayOutcome]]:
        """Answer the processes until the last one has ended. Yield the outcome of each day."""
        working = {worker.pipe: worker for worker in self._workers}
        while working:
            ready = wait(list(working))
            for pipe in [pipe for pipe in working if pipe in ready]:
                try:
                    kind, *message = pipe.recv()
                except (EOFError, OSError):
                    _check_ended(working.pop(pipe))
                    continue
                if kind == "outcome":
                    yield message[0], message[1]
                else:
                    self._answer(pipe, kind, message, progress)

    def _answer(self, pipe: Connection, kind: str, message: Sequence[Any], progress: Progress) -> None:
        if kind == "published":
            progress(*message)
        elif kind == "free":
            pipe.send(self._schedule.next_day())
        elif kind == "waits":
            self._schedule.waiting[pipe] = (message[0], message[1])
        elif kind == "did":
            self._schedule.finish(message[0], message[1])
        else:
            raise AcquisitionError(str(message[0]))
        self._schedule.answer()

    def stop(self) -> None:
        """Interrupt the processes that still run, and terminate those that do not end."""
        for worker in self._workers:
            worker.pipe.close()  # no more answers
        alive = [worker.process for worker in self._workers if worker.process.is_alive()]
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)
        for process in alive:
            process.join(STOP_SECONDS)
            if process.is_alive():
                process.terminate()


def _check_ended(worker: _Worker) -> None:
    worker.process.join()
    if worker.process.exitcode:
        raise AcquisitionError(
            f"a process of the run ended with {worker.process.exitcode} (killed, or out of memory); run the missing "
            "days again, with ACQUISITION_PARALLEL_DAYS=1 to use less memory"
        )


# -- inside the processes ---------------------------------------------------------------------------------------------


def _work(settings: Settings, days: Sequence[dt.date], pipe: Connection, reading: Mapping[str, bool]) -> None:
    """Run day after day in this process, until none is left."""
    _end_with_parent()
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError, EOFError):
        try:
            _run_days(settings, days, pipe, reading)
        except AcquisitionError as error:
            pipe.send(("broken", str(error)))
        finally:
            discard_staging()
    pipe.close()


def _run_days(settings: Settings, days: Sequence[dt.date], pipe: Connection, reading: Mapping[str, bool]) -> None:
    import dagster as dg

    from acquisition_assets.commands.day import instance, run_day
    from acquisition_assets.core.ordering import earlier_steps
    from acquisition_assets.definitions import build_defs

    current = days[0]

    def publish(table: str, rows: int, seconds: float) -> None:
        pipe.send(("published", current, table, rows, seconds))

    @contextlib.contextmanager
    def ordering(step: str, day: dt.date) -> Iterator[None]:
        place = days.index(day)
        if step in earlier:
            pipe.send(("waits", earlier[step], place))
            if not pipe.recv():
                raise AcquisitionError(f"{step} of {day} was not run because an earlier day failed")
        yield
        if step in awaited:
            pipe.send(("did", step, place))

    definitions = build_defs(
        settings,
        progress=publish,
        ordering=ordering,
        full=reading["full"],
        forget=reading["forget"],
        up_to=days[-1],
    )
    earlier = earlier_steps(asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition))
    awaited = frozenset[str]().union(*earlier.values())
    with instance() as opened:
        while True:
            pipe.send(("free",))
            place = pipe.recv()
            if place is None:
                return
            current = days[place]
            pipe.send(("outcome", place, run_day(definitions, current, opened)))


def _end_with_parent() -> None:
    """End this process when the program that started it is killed."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        wait([parent.sentinel])  # type: ignore[union-attr]
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
