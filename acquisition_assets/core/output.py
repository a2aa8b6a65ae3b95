"""Builds the Dagster assets of a step that makes one or several tables: stage, check, compare, publish, describe.

What a table holds is left to its product, whose functions an `Output` names.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import dagster as dg
from pydantic import BaseModel

from acquisition_assets.core.contracts import Contract, Violation, contract_error
from acquisition_assets.core.env import Env
from acquisition_assets.core.masking import sanitize_json
from acquisition_assets.core.specs import ORDERED_DAYS, asset_spec, check_spec, column_lineage, contract_check_spec
from acquisition_assets.core.step import (
    Comparison,
    Finding,
    Step,
    comparison_result,
    contract_result,
    describe_differences,
    failures,
    partition_day,
)

Results = Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]
PolicyT = TypeVar("PolicyT")


@dataclass(frozen=True)
class Output(Generic[PolicyT]):
    """One output table: how it is made, checked, summarised and drawn. Each function is given the step and the policy.

    produce: binds the inputs and stages the table.
    recompute: compares numbers that were found in another way.
    task, report: name and typed summary of the published report.
    plot: a small SVG.
    checks, findings: further checks by name, and their results.
    reported: checks that a sensor reports too; their results are not stored for partitions.
    details: more metadata; its numbers are those of the business, which the UI draws over the days.
    """

    contract: Contract
    description: str
    policy: PolicyT
    deps: Sequence[Any]
    produce: Callable[[Step, PolicyT], None]
    recompute: Callable[[Step, PolicyT], Comparison]
    recomputed_text: str
    task: str | None = None
    report: Callable[[Step, PolicyT], BaseModel] | None = None
    plot: Callable[[Step, PolicyT], str] | None = None
    checks: Mapping[str, str] = field(default_factory=dict)
    reported: frozenset[str] = frozenset()
    findings: Callable[[Step, PolicyT], Sequence[Finding]] | None = None
    details: Callable[[Step, PolicyT], Mapping[str, Any]] | None = None
    group: str = "outputs"
    kinds: frozenset[str] = frozenset()

    def check_specs(self, env: Env) -> list[dg.AssetCheckSpec]:
        """Return the checks of the table: its contract, its recomputed numbers, and its own."""
        return [
            contract_check_spec(env, self.contract),
            check_spec(env, self.contract.table, "recomputed", self.recomputed_text, blocking=True),
            *(
                check_spec(env, self.contract.table, name, text, by_day=name not in self.reported)
                for name, text in self.checks.items()
            ),
        ]

    def spec(self, env: Env) -> dg.AssetSpec:
        """Return the spec of the table's asset."""
        return asset_spec(
            env,
            self.contract,
            group=self.group,
            description=self.description,
            deps=self.deps,
            kinds=set(self.kinds) or None,
        )


@dataclass
class _Made:
    """A staged table with everything that is said of it once it is published."""

    metadata: dict[str, Any]
    findings: Sequence[Finding]
    report: BaseModel | None


def output_assets(
    env: Env, outputs: Sequence[Output[Any]], name: str | None = None, *, ordered_days: bool = False
) -> dg.AssetsDefinition:
    """Return the assets of the tables that one step makes, in order; `name` defaults to the only table's.

    The tables share a session, so that one may use what another has bound. Nothing is published until all are checked.
    With `ordered_days` a range runs the days of the step in order, as it reads tables of earlier days without a
    partition mapping: Dagster would add every day that may read a day to a backfill of that day.
    """
    step_name = name or outputs[0].contract.table

    @dg.multi_asset(
        name=step_name,
        op_tags={ORDERED_DAYS: "true"} if ordered_days else None,
        specs=[output.spec(env) for output in outputs],
        check_specs=[check for output in outputs for check in output.check_specs(env)],
    )
    def compute(context: dg.AssetExecutionContext) -> Results:
        day = partition_day(context)
        with (
            failures(context.retry_number),
            env.ordering(step_name, day),
            env.lake.staging() as folder,
            env.engine.session(folder) as session,
        ):
            steps = [(output, Step(env, output.contract, day, session, folder)) for output in outputs]
            made = []
            for output, step in steps:
                output.produce(step, output.policy)
                yield from checked(step, partial(output.recompute, step, output.policy))
                made.append(_describe(output, step))
            for (output, step), described in zip(steps, made, strict=True):
                step.publish()
                yield from _results(env, output, day, described)

    return compute


def output_asset(env: Env, output: Output[Any]) -> dg.AssetsDefinition:
    """Return the asset of a step that makes one table."""
    return output_assets(env, [output])


def checked(step: Step, recompute: Callable[[], Comparison]) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of the checks `contract` and `recomputed`.

    Raises:
        ContractError: after a failed result, so that the table is not published.
    """
    contract, day = step.contract, step.day
    violations = step.violations()
    yield contract_result(contract, violations, day)
    if violations:
        raise contract_error(contract.table, day, violations)
    comparison = recompute()
    yield comparison_result(contract, comparison, day)
    differences = describe_differences(comparison)
    if differences:
        raise contract_error(contract.table, day, [Violation(f"recomputed otherwise: {differences}", 1)])


def _describe(output: Output[Any], step: Step) -> _Made:
    """Collect what is said of a staged table."""
    metadata = step.metadata()
    if output.details:
        metadata |= output.details(step, output.policy)
    if output.plot:
        metadata["plot"] = dg.MetadataValue.md(output.plot(step, output.policy))
    findings = output.findings(step, output.policy) if output.findings else ()
    report = output.report(step, output.policy) if output.report else None
    return _Made(metadata, findings, report)


def _results(env: Env, output: Output[Any], day: dt.date, made: _Made) -> Results:
    """Publish the report, and yield the further checks and the materialisation."""
    table = output.contract.table
    lineage = column_lineage(output.contract)
    if lineage:
        made.metadata["dagster/column_lineage"] = lineage
    if made.report is not None and output.task:
        env.lake.publish_report(made.report.model_dump_json(indent=2) + "\n", day, output.task)
        made.metadata["report"] = dg.MetadataValue.json(sanitize_json(made.report.model_dump(mode="json")))
        made.metadata["report_file"] = f"reports/date={day}/{output.task}.json"
    for finding in made.findings:
        yield finding.result(table, day)
    yield dg.MaterializeResult(asset_key=table, metadata=made.metadata)
