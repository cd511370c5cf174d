"""Refreshing the coach: train on all approved pairs, publish, gate, promote; every step may be repeated after a crash.

Trains from the base on the accumulated approved pairs, never on the coach's own output. What a step needs is either in
the run's folder (frozen data, checkpoints, the adapter) or in the database, so a run that was killed goes on where it
stopped: training resumes to the same adapter, the others are idempotent.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from coachlm.acceptance.model import FILE
from coachlm.coaching.adapters import (
    HELD_OUT_SHARE,
    AdapterRecord,
    AdapterRegistry,
    AdapterState,
    InForce,
    RefreshRun,
    RefreshStep,
)
from coachlm.errors import ModelError, StoreError, TrainingError
from trainer.acceptance.refreshing import refresh_acceptance
from trainer.gate import BASE, RAW, Coached, GateReport, HeldOutPair, Margins, judge_candidate
from trainer.plan.revisions import ApprovedPairs, Source, approved_source, held_out_pairs
from trainer.plan.run_folder import RunRecord

log = logging.getLogger(__name__)


class Runs(Protocol):
    """Where runs are remembered; `storage.adapters.refresh_runs.RefreshRuns` is one."""

    def approved_pairs(self) -> int: ...

    def begin(self, folder: str, approved_pairs: int) -> RefreshRun: ...

    def advance(
        self, run: RefreshRun, step: RefreshStep, *, adapter: str | None = None, detail: str = ""
    ) -> RefreshRun: ...

    def last(self) -> RefreshRun | None: ...

    def alone(self) -> AbstractContextManager[None]: ...


class Artifacts(Protocol):
    """Where adapter folders are published; `storage.adapters.artifacts.AdapterArtifacts` is one."""

    def publish(self, folder: Path) -> str: ...

    def fetch(self, url: str, digest: str) -> Path: ...


@dataclass(frozen=True, slots=True)
class RefreshRules:
    """When a refresh begins and what it takes."""

    new_pairs: int = 500  # approved since the last run
    held_out_share: float = HELD_OUT_SHARE
    held_out_limit: int = 500
    margins: Margins = field(default_factory=Margins)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What does the work; given by the command line, so that this room needs neither a database nor an engine."""

    store: ApprovedPairs
    runs: Runs
    registry: AdapterRegistry
    artifacts: Artifacts
    train: Callable[[Source, Path], RunRecord]
    coach: Callable[[Path | None, Sequence[HeldOutPair]], Coached]  # an adapter's folder → its revisions
    folder: Path  # of all runs
    base_is_coach: bool = False  # the base alone revises too (`coach` takes None then): a candidate has to beat it


def refresh_due(shop: Workshop, rules: RefreshRules) -> bool:
    """Whether a run waits to be finished, or enough pairs were approved since the last."""
    last = shop.runs.last()
    if last is not None and not last.has_ended:
        return True
    return shop.runs.approved_pairs() - (last.approved_pairs if last else 0) >= rules.new_pairs


def refresh(shop: Workshop, rules: RefreshRules) -> RefreshRun:
    """One whole run, or the rest of one that was killed; gives how it ended.

    Raises: ConflictError, when another process refreshes; what stops a run for good (data, base, disk) is also stored.
    """
    with shop.runs.alone():
        run = shop.runs.last()
        if run is None or run.has_ended:
            approved = shop.runs.approved_pairs()
            run = shop.runs.begin(str(shop.folder / f"run-{approved}-{_following(shop.folder)}"), approved)
        try:
            return _steps(shop, rules, run)
        except (TrainingError, ModelError) as error:
            shop.runs.advance(run, RefreshStep.FAILED, detail=str(error))
            raise


def gate_adapter(shop: Workshop, rules: RefreshRules, digest: str) -> GateReport:
    """Judge a registered candidate against what is in force, and store the decision."""
    record = shop.registry.show(digest)
    pairs = [
        HeldOutPair(pair.raw, pair.revised)
        for pair in held_out_pairs(shop.store, rules.held_out_share, rules.held_out_limit)
    ]
    report = _judged(shop, rules, record, pairs)
    shop.registry.record_gate(record.digest, report.as_dict(), passed=report.passed)
    return report


def _steps(shop: Workshop, rules: RefreshRules, run: RefreshRun) -> RefreshRun:
    made = shop.train(approved_source(shop.store, rules.held_out_share), Path(run.folder))
    run = shop.runs.advance(run, RefreshStep.PUBLISHING, adapter=made.adapter)
    url = shop.artifacts.publish(Path(run.folder) / "adapters" / made.adapter)
    record = AdapterRecord(made.adapter, made.base, made.base_digest, url, training=asdict(made))
    record = shop.registry.register(record, "refresh")
    run = shop.runs.advance(run, RefreshStep.GATING, adapter=made.adapter)
    if record.gate is None:
        report = gate_adapter(shop, rules, made.adapter)
        passed, reason = report.passed, report.reason
    else:  # decided before the process died, or by an earlier run with the same result
        passed = bool(record.gate.get("passed")) or "override" in record.gate
        reason = str(record.gate.get("reason", ""))
    refresh_acceptance(shop.store, shop.folder / FILE)
    if not passed:
        log.warning("adapter %s was refused: %s", made.adapter[:12], reason)
        return shop.runs.advance(run, RefreshStep.REFUSED, detail=reason)
    run = shop.runs.advance(run, RefreshStep.PROMOTING, adapter=made.adapter)
    if shop.registry.show(made.adapter).state in (AdapterState.GATED, AdapterState.CANARY):
        shop.registry.promote(made.adapter, "refresh", reason)
    return shop.runs.advance(run, RefreshStep.PROMOTED, detail=reason)


def _judged(shop: Workshop, rules: RefreshRules, record: AdapterRecord, pairs: Sequence[HeldOutPair]) -> GateReport:
    if len(pairs) < rules.margins.smallest_set:
        return judge_candidate(pairs, Coached(()), None, margins=rules.margins)
    candidate = shop.coach(shop.artifacts.fetch(record.artifact, record.digest), pairs)
    reference, against = _reference(shop, record, pairs)
    return judge_candidate(pairs, candidate, reference, against=against, margins=rules.margins)


def _reference(shop: Workshop, record: AdapterRecord, pairs: Sequence[HeldOutPair]) -> tuple[Coached | None, str]:
    """What the adapter in force makes of the pairs; where there is none, or it has another base, what the base alone
    makes of them if it is a coach, and else the raw pairs."""
    force: InForce = shop.registry.in_force()
    current = force.current
    if current is not None and current.base_digest != record.base_digest:
        log.warning("the adapter in force belongs to another base: the candidate is not judged against it")
        current = None
    if current is None or current.digest == record.digest:
        return (shop.coach(None, pairs), BASE) if shop.base_is_coach else (None, RAW)
    try:
        folder = shop.artifacts.fetch(current.artifact, current.digest)
    except StoreError as error:
        raise StoreError(f"the adapter in force can't be judged against: {error}") from error
    return shop.coach(folder, pairs), current.digest


def _following(folder: Path) -> int:
    """A number that no run's folder has yet."""
    taken = [
        int(path.name.rpartition("-")[2]) for path in folder.glob("run-*-*") if path.name.rpartition("-")[2].isdigit()
    ]
    return max(taken, default=0) + 1
