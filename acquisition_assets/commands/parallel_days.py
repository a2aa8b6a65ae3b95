"""Here: the days of a range in several processes: side by side but for the steps that need the order of the days.

Not here: the run of one day (execution.py), and when days run side by side (run.py).

A process takes the next day as soon as it is free, so that a day is read and its features are made while the scores of
the day before are. Steps that read what earlier days left (`ORDERED`) wait for the same step of the day before. All of
this is told through pipes, not through shared memory: a process that is killed leaves no lock behind.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from acquisition_assets.core.errors import AcquisitionError
from acquisition_assets.core.lake import discard_staging
from acquisition_assets.core.settings import Settings

if TYPE_CHECKING:
    from acquisition_assets.commands.day import DayOutcome

ORDERED = ("ingest", "dynamic_scores", "segment_changes")
"""The steps whose days go one after the other."""
STOP_SECONDS = 15
PRELOADED = ["acquisition_assets.commands.day", "acquisition_assets.definitions"]
Tell = Callable[[dt.date, str, int, float], None]


@dataclass
class _Worker:
    """A process, and the pipe on which it asks and tells."""

    process: Any
    pipe: Connection


@dataclass
class _Turns:
    """Which day is next, and whose turn it is: how many days have done each ordered step."""

    days: Sequence[dt.date]
    begun: int = 0
    failed: int | None = None
    done: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ORDERED, 0))
    waiting: dict[Connection, tuple[str, int]] = field(default_factory=dict)

    def next_day(self) -> int | None:
        """The place of the next day, or None."""
        if self.begun == len(self.days) or self.failed is not None:
            return None
        self.begun += 1
        return self.begun - 1

    def answer(self) -> None:
        """Tell those that wait, where they can go on (True) or never will (False)."""
        for pipe, (step, place) in list(self.waiting.items()):
            stopped = self.failed is not None and self.failed < place
            if stopped or self.done[step] >= place:
                del self.waiting[pipe]
                with contextlib.suppress(OSError):  # it has ended, which its end of the pipe tells
                    pipe.send(not stopped)


class Processes:
    """Processes that are being started, so that they are ready when the first of the days can begin."""

    def __init__(self, settings: Settings, days: Sequence[dt.date], jobs: int) -> None:
        if not sys.warnoptions:
            os.environ.setdefault("PYTHONWARNINGS", "ignore")  # of libraries, as in this process
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self._turns = _Turns(list(days))
        self._workers = [self._start(context, settings) for _ in range(min(jobs, len(days)))]

    def _start(self, context: Any, settings: Settings) -> _Worker:
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(settings, self._turns.days, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def run(self, tell: Tell) -> list[DayOutcome]:
        """Run the days; the outcomes in order, up to the first day that failed.

        Raises:
            AcquisitionError: a process was killed.
        """
        outcomes: dict[int, DayOutcome] = {}
        for place, outcome in self._outcomes(tell):
            outcomes[place] = outcome
            if outcome.exit_code:
                failed = self._turns.failed
                self._turns.failed = place if failed is None else min(failed, place)
                self._turns.answer()
        last = len(outcomes) if self._turns.failed is None else self._turns.failed + 1
        return [outcomes[place] for place in sorted(outcomes)][:last]

    def _outcomes(self, tell: Tell) -> Iterator[tuple[int, DayOutcome]]:
        """Answer the processes until the last has ended, and give what came of each day."""
        working = {worker.pipe: worker for worker in self._workers}
        while working:
            ready = wait(list(working))
            for pipe in [pipe for pipe in working if pipe in ready]:
                try:
                    kind, *told = pipe.recv()
                except (EOFError, OSError):
                    _check_ended(working.pop(pipe))
                    continue
                if kind == "outcome":
                    yield told[0], told[1]
                else:
                    self._answer(pipe, kind, told, tell)

    def _answer(self, pipe: Connection, kind: str, told: Sequence[Any], tell: Tell) -> None:
        if kind == "published":
            tell(*told)
        elif kind == "free":
            pipe.send(self._turns.next_day())
        elif kind == "waits":
            self._turns.waiting[pipe] = (told[0], told[1])
        elif kind == "did":
            self._turns.done[told[0]] = told[1] + 1
        else:
            raise AcquisitionError(str(told[0]))
        self._turns.answer()

    def stop(self) -> None:
        """End the processes that still run, as an interrupted run ends."""
        for worker in self._workers:
            worker.pipe.close()  # nobody answers any more
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
            f"a process of the run ended with {worker.process.exitcode} (killed, or out of memory); run the days again "
            "that are missing, with ACQUISITION_PARALLEL_DAYS=1 to need less memory"
        )


# -- in the processes -------------------------------------------------------------------------------------------------


def _work(settings: Settings, days: Sequence[dt.date], pipe: Connection) -> None:
    """One process: day after day, until there is none left."""
    _end_with_parent()
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError, EOFError):
        try:
            _run_days(settings, days, pipe)
        except AcquisitionError as error:
            pipe.send(("broken", str(error)))
        finally:
            discard_staging()
    pipe.close()


def _run_days(settings: Settings, days: Sequence[dt.date], pipe: Connection) -> None:
    from acquisition_assets.commands.day import instance, run_day
    from acquisition_assets.definitions import build_defs

    current = days[0]

    def publish(table: str, rows: int, seconds: float) -> None:
        pipe.send(("published", current, table, rows, seconds))

    @contextlib.contextmanager
    def ordering(step: str, day: dt.date) -> Iterator[None]:
        if step in ORDERED:
            pipe.send(("waits", step, days.index(day)))
            if not pipe.recv():
                raise AcquisitionError(f"{step} of {day} was not run, as a day before it failed")
        yield
        if step in ORDERED:
            pipe.send(("did", step, days.index(day)))

    definitions = build_defs(settings, progress=publish, ordering=ordering)
    with instance() as opened:
        while True:
            pipe.send(("free",))
            place = pipe.recv()
            if place is None:
                return
            current = days[place]
            pipe.send(("outcome", place, run_day(definitions, current, opened)))


def _end_with_parent() -> None:
    """Leave nobody behind when the program is killed."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        wait([parent.sentinel])  # type: ignore[union-attr]
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
