"""Defines what a product is to the rest of the program: its tables, its report, and how it speaks of a lead.

Which products there are is left to the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import DayView, LeadView, Section


@dataclass(frozen=True)
class ReportSpec:
    """The published report of a task.

    task: its name and the name of its file; table: the table that it summarises.
    summary: the report for people; given the whole policy, whose locale is its language.
    summary_of_day: the same, given the tables of the day instead; replaces `summary` in the summary of a run.
    """

    task: str
    table: Contract
    model: type[Report]
    summary: Callable[[Any, Any], Section]
    summary_of_day: Callable[[Any, DayView], Section] | None = None

    def section(self, report: Any, day: DayView, policy: Any) -> Section:
        """Return the report of a day for people."""
        return self.summary_of_day(report, day) if self.summary_of_day is not None else self.summary(report, policy)


@dataclass(frozen=True)
class Product:
    """A folder of the package that makes tables.

    name: the folder's name; that of its table where it is made by code of another product's folder.
    tables: what it makes, in the order in which it makes them.
    build: returns its Dagster assets; given a `catalog.Build`.
    explain: returns the section that explains a lead; given the whole policy. None where no lead has a row of its own.
    more_reports: those of its other tables.
    is_delivered: whether its tables are delivered to destinations.
    summary: returns the section of a day for people, from the tables; for products without a report.
    """

    name: str
    tables: tuple[Contract, ...]
    build: Callable[[Any], list[Any]]
    report: ReportSpec | None = None
    explain: Callable[[LeadView, Any], Section] | None = None
    is_delivered: bool = True
    summary: Callable[[DayView], Section] | None = None
    more_reports: tuple[ReportSpec, ...] = ()

    @property
    def reports(self) -> tuple[ReportSpec, ...]:
        """Return all its reports, in the order in which they are shown."""
        return (() if self.report is None else (self.report,)) + self.more_reports
