"""The refresh service: whatever kills it, it ends with one adapter that passed the gate, or none."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coachlm.coaching.adapters import AdapterState, RefreshStep
from coachlm.coaching.model_facts import adapter_digest
from coachlm.desk.dataset import DatasetRow
from coachlm.errors import ConflictError, StoreError, TrainingError
from coachlm.pairs import InstructionPair, Position, Provenance
from coachlm.revision import Outcome, Revision
from coachlm.status import Status
from storage.adapters.adapters import DatabaseAdapterRegistry
from storage.adapters.artifacts import AdapterArtifacts
from storage.adapters.refresh_runs import RefreshRuns
from storage.engine.database import open_database
from tests.databases import Databases
from trainer.gate import Coached, HeldOutPair
from trainer.plan.revisions import Source
from trainer.plan.run_folder import RunRecord
from trainer.refresh import RefreshRules, Workshop, refresh, refresh_due

CLEAN = "The kettle boils in four minutes, and the tea has to steep for three more before it is ready to drink."
ORIGIN = Provenance(Position("test", 0), "alpaca")
RULES = RefreshRules(new_pairs=100, held_out_share=0.3)


class Kill(BaseException):
    """Ends the process as far as the code under test can tell."""


class Approved:
    """A store of approved pairs, each damaged in one word before."""

    def __init__(self, count: int = 400) -> None:
        self.rows = [
            DatasetRow(
                (raw := InstructionPair(f"How long does tea {n} take?", "", f"{CLEAN.replace('tea', 'tee')} {n}")).id,
                Status.APPROVED,
                raw,
                ORIGIN,
                final=replace(raw, response=f"{CLEAN} {n}"),
            )
            for n in range(count)
        ]

    def dataset_rows(self, *, statuses: Any = None) -> Iterator[DatasetRow]:
        return iter(self.rows)


class CountedRuns(RefreshRuns):
    """The database's runs, with as many approved pairs as the fake store has."""

    approved = 400

    def approved_pairs(self) -> int:
        return self.approved


def train(skill: str) -> Callable[[Source, Path], RunRecord]:
    """'Tunes' an adapter that says what it can do."""

    def run(source: Source, folder: Path) -> RunRecord:
        made = folder / "adapters" / "made"
        made.mkdir(parents=True, exist_ok=True)
        (made / "skill.txt").write_text(skill)
        digest = adapter_digest(made)
        if not (folder / "adapters" / digest).exists():
            made.rename(folder / "adapters" / digest)
        return RunRecord(digest, "f", "base", "b", "p", source.name, "d", {}, {}, 1, {}, {"steps": 1}, 0.0, {})

    return run


def coach(folder: Path | None, pairs: Sequence[HeldOutPair]) -> Coached:
    """Mends pairs if the adapter says so."""
    assert folder is not None
    skill = (folder / "skill.txt").read_text()
    made = {"mend": lambda pair: pair.final, "copy": lambda pair: pair.raw}[skill.split()[0]]
    return Coached([Revision(pair.raw.id, made(pair), Outcome.REVISED, "test") for pair in pairs])


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Workshop]:
    with opened(database_url, tmp_path) as made:
        yield made


class opened:
    def __init__(self, url: str, folder: Path, skill: str = "mend") -> None:
        self.url, self.folder, self.skill = url, folder, skill

    def __enter__(self) -> Workshop:
        self.database = open_database(self.url)
        return Workshop(
            Approved(),
            CountedRuns(self.database),
            DatabaseAdapterRegistry(self.database),
            AdapterArtifacts(str(self.folder / "shared"), self.folder / "cache"),
            train(self.skill),
            coach,
            self.folder / "runs",
        )

    def __exit__(self, *_: object) -> None:
        self.database.close()


class Dying:
    """Stands before an object and kills at the nth call of any of those that share `countdown`."""

    def __init__(self, inner: Any, countdown: list[int], after: bool) -> None:
        self._inner, self._countdown, self._after = inner, countdown, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._wrapped(found) if callable(found) and name != "alone" else found

    def __call__(self, *args: Any) -> Any:
        return self._wrapped(self._inner)(*args)

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            self._countdown[0] -= 1
            if self._countdown[0] == 0 and not self._after:
                raise Kill
            result = call(*args, **named)
            if self._countdown[0] == 0:
                raise Kill
            return result

        return counted


def dying(shop: Workshop, at: int, *, after: bool) -> tuple[Workshop, list[int]]:
    countdown = [at]
    parts = {
        name: Dying(getattr(shop, name), countdown, after)
        for name in ("runs", "registry", "artifacts", "train", "coach")
    }
    return replace(shop, **parts), countdown


def test_a_better_coach_comes_into_force(shop: Workshop):
    assert refresh_due(shop, RULES)
    run = refresh(shop, RULES)
    assert run.step is RefreshStep.PROMOTED
    current = shop.registry.in_force().current
    assert current is not None
    assert current.digest == run.adapter
    assert current.gate is not None
    assert current.gate["passed"]
    assert not refresh_due(shop, RULES)
    CountedRuns.approved += 100
    try:
        assert refresh_due(shop, RULES)
    finally:
        CountedRuns.approved -= 100


def test_a_coach_that_learnt_to_copy_is_refused_and_the_one_in_force_stays(shop: Workshop):
    first = refresh(shop, RULES)
    run = refresh(replace(shop, train=train("copy raw")), RULES)
    assert run.step is RefreshStep.REFUSED
    assert "not better" in run.detail
    assert run.adapter is not None
    assert shop.registry.show(run.adapter).state is AdapterState.REJECTED
    assert shop.registry.in_force().current == shop.registry.show(first.adapter or "")


def test_where_the_base_is_a_coach_the_first_adapter_has_to_beat_it(shop: Workshop):
    base = shop.folder / "base"
    mending = replace(shop, base_is_coach=True, coach=lambda folder, pairs: coach(folder or base, pairs))
    base.mkdir(parents=True)
    (base / "skill.txt").write_text("mend")
    run = refresh(mending, RULES)
    assert run.step is RefreshStep.REFUSED
    assert run.adapter is not None
    gate = shop.registry.show(run.adapter).gate
    assert gate is not None
    assert (gate["against"], gate["passed"]) == ("base", False)
    (base / "skill.txt").write_text("copy")
    passed = refresh(replace(mending, train=train("mend anew")), RULES)
    assert passed.step is RefreshStep.PROMOTED
    later = refresh(replace(mending, train=train("mend as well")), RULES)
    assert shop.registry.show(later.adapter or "").gate["against"] == passed.adapter  # type: ignore[index]


def test_held_out_pairs_never_train(shop: Workshop):
    seen: list[str] = []

    def spy(source: Source, folder: Path) -> RunRecord:
        from collections import Counter

        seen.extend(pair.raw.id for pair in source.revisions(Counter()))
        return train("mend")(source, folder)

    judged: list[str] = []

    def spy_coach(folder: Path, pairs: Sequence[HeldOutPair]) -> Coached:
        judged.extend(pair.raw.id for pair in pairs)
        return coach(folder, pairs)

    refresh(replace(shop, train=spy, coach=spy_coach), RULES)
    assert judged
    assert set(seen).isdisjoint(judged)
    assert len(seen) + len(judged) == 400


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_call_it_ends_as_if_undisturbed(sqlite_databases: Databases, tmp_path: Path, after: bool):
    at = 0
    while True:
        at += 1
        url, folder = sqlite_databases.new(), tmp_path / str(at)
        with opened(url, folder) as shop:
            mortal, countdown = dying(shop, at, after=after)
            try:
                refresh(mortal, RULES)
                killed = False
            except Kill:
                killed = True
            assert countdown[0] <= 0 or not killed
        with opened(url, folder) as shop:
            if killed and shop.runs.last() is not None:
                force = shop.registry.in_force().current
                assert force is None or force.gate is not None  # nothing half-made is in force
                assert refresh_due(shop, RULES) or force is not None
            run = refresh(shop, RULES) if refresh_due(shop, RULES) else shop.runs.last()
            assert run is not None
            assert run.step is RefreshStep.PROMOTED
            states = [record.state for record in shop.registry.adapters()]
            assert states == [AdapterState.CURRENT]
        if not killed:
            break
    assert at > 10


def test_what_can_never_succeed_is_stored_and_does_not_block_the_next(shop: Workshop):
    def fails(source: Source, folder: Path) -> RunRecord:
        raise TrainingError("no expert revision to train on")

    with pytest.raises(TrainingError):
        refresh(replace(shop, train=fails), RULES)
    last = shop.runs.last()
    assert last is not None
    assert (last.step, last.detail) == (RefreshStep.FAILED, "no expert revision to train on")
    assert refresh(shop, RULES).step is RefreshStep.PROMOTED


def test_an_altered_adapter_in_the_shared_place_is_not_judged(shop: Workshop):
    def altering(source: Source, folder: Path) -> RunRecord:
        record = train("mend")(source, folder)
        (folder / "adapters" / record.adapter / "skill.txt").write_text("copy")
        return record

    with pytest.raises(StoreError, match="altered or cut short"):
        refresh(replace(shop, train=altering), RULES)
    assert shop.registry.in_force().current is None


def hold(url: str, ready: Any) -> None:
    database = open_database(url)
    with RefreshRuns(database).alone():
        ready.set()
        time.sleep(60)


@pytest.mark.slow
def test_one_process_at_a_time_refreshes_and_a_killed_one_lets_go(shop: Workshop, database_url: str):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    other = context.Process(target=hold, args=(database_url, ready))
    other.start()
    try:
        assert ready.wait(60)
        with pytest.raises(ConflictError, match="another process refreshes"):
            refresh(shop, RULES)
    finally:
        os.kill(other.pid or 0, signal.SIGKILL)
        other.join(10)
    for _ in range(100):  # the server notices the lost connection in its own time
        try:
            assert refresh(shop, RULES).step is RefreshStep.PROMOTED
            break
        except ConflictError:
            time.sleep(0.1)
    assert shop.registry.in_force().current is not None
