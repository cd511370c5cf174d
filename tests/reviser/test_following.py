"""An engine that follows the registry: stamped right, nothing lost, altered adapters never taken."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from coachlm.coaching.adapters import AdapterRecord, InForce
from coachlm.errors import EngineError, StoreError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from reviser.following.reviser import FollowingReviser
from storage.adapters.adapters import DatabaseAdapterRegistry
from storage.engine.database import open_database

PAIRS = [InstructionPair(f"say {n}", "", f"answer {n}") for n in range(200)]


def record(digest: str, share: float = 0.0) -> AdapterRecord:
    return AdapterRecord(digest, "base", "b", "", canary_share=share)


class Marking:
    """Writes its adapter's digest into every response."""

    open_engines = 0

    def __init__(self, digest: str | None) -> None:
        self.digest = digest
        self.closed = False
        Marking.open_engines += 1

    name = "marking"

    @property
    def adapter(self) -> str | None:
        return self.digest

    def revise(self, pairs):
        assert not self.closed
        return [
            Revision(
                p.id, InstructionPair(p.instruction, "", str(self.digest)), Outcome.REVISED, "marking", self.digest
            )
            for p in pairs
        ]

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        Marking.open_engines -= 1


class Registry:
    """A registry under a test's control; `broken` are digests whose folder was altered."""

    def __init__(self) -> None:
        self.force: InForce | Exception = InForce()
        self.broken: set[str] = set()

    def in_force(self) -> InForce:
        if isinstance(self.force, Exception):
            raise self.force
        return self.force

    def build(self, wanted: AdapterRecord | None) -> Marking:
        if wanted is not None and wanted.digest in self.broken:
            raise StoreError("it was altered")
        return Marking(None if wanted is None else wanted.digest)


@pytest.fixture
def registry() -> Registry:
    Marking.open_engines = 0
    return Registry()


@pytest.fixture
def reviser(registry: Registry):
    made = FollowingReviser(registry.in_force, registry.build, poll_seconds=0)
    yield made
    made.close()
    assert Marking.open_engines == 0


def check_stamps(revisions: list[Revision]) -> set[str | None]:
    assert [each.pair_id for each in revisions] == [pair.id for pair in PAIRS]
    assert all(each.revised.response == str(each.adapter) for each in revisions)
    return {each.adapter for each in revisions}


def test_a_promotion_is_followed_and_the_old_engine_closed(registry: Registry, reviser: FollowingReviser):
    assert check_stamps(reviser.revise(PAIRS)) == {None}
    for digest in ("a", "b"):
        registry.force = InForce(record(digest))
        assert check_stamps(reviser.revise(PAIRS)) == {digest}
        assert Marking.open_engines == 1
    registry.force = InForce()
    assert check_stamps(reviser.revise(PAIRS)) == {None}


def test_a_canary_gets_its_share_and_the_rest_stay(registry: Registry, reviser: FollowingReviser):
    registry.force = InForce(record("a"), record("c", 0.3))
    revisions = reviser.revise(PAIRS)
    assert check_stamps(revisions) == {"a", "c"}
    assert 30 < sum(each.adapter == "c" for each in revisions) < 90
    assert reviser.revise(PAIRS) == revisions
    registry.force = InForce(None, record("c", 0.3))
    assert check_stamps(reviser.revise(PAIRS)) == {None, "c"}


def test_an_altered_adapter_is_never_taken(registry: Registry, reviser: FollowingReviser):
    registry.force = InForce(record("a"))
    reviser.revise(PAIRS)
    registry.broken = {"evil"}
    registry.force = InForce(record("evil"), record("evil", 0.5))
    assert check_stamps(reviser.revise(PAIRS)) == {"a"}
    registry.broken = set()
    assert check_stamps(reviser.revise(PAIRS)) == {"evil"}


def test_without_the_registry_what_works_goes_on(registry: Registry, reviser: FollowingReviser):
    registry.force = InForce(record("a"))
    reviser.revise(PAIRS)
    registry.force = StoreError("database away")
    assert check_stamps(reviser.revise(PAIRS)) == {"a"}


def test_it_asks_only_so_often(registry: Registry):
    now = [0.0]
    reviser = FollowingReviser(registry.in_force, registry.build, poll_seconds=10, clock=lambda: now[0])
    registry.force = InForce(record("a"))
    now[0] = 9.9
    assert reviser.adapter is None
    assert check_stamps(reviser.revise(PAIRS)) == {None}
    now[0] = 10
    assert check_stamps(reviser.revise(PAIRS)) == {"a"}
    reviser.close()
    with pytest.raises(EngineError, match="closed"):
        reviser.revise(PAIRS)


def test_a_hundred_swaps_lose_no_pair_and_stamp_each_right(registry: Registry, reviser: FollowingReviser):
    draw = random.Random(0)
    for _ in range(100):
        share = draw.choice([0.0, 0.1, 0.9])
        registry.force = InForce(draw.choice([None, record("a"), record("b")]), record("c", share) if share else None)
        check_stamps(reviser.revise(PAIRS))
        assert Marking.open_engines <= 2


def test_rolling_back_under_load_loses_no_pair_and_stamps_each_right(database_url: str, registry: Registry):
    database = open_database(database_url)
    adapters = DatabaseAdapterRegistry(database)
    good, *bad = (letter * 64 for letter in "abcd")
    for digest in (good, *bad):
        adapters.register(AdapterRecord(digest, "base", "0" * 64, f"file:///adapters/{digest}"), "x")
        adapters.record_gate(digest, {"reason": "figures"}, passed=True)
    adapters.promote(good, "olga")
    reviser = FollowingReviser(adapters.in_force, registry.build, poll_seconds=0)
    batches: list[set[str | None]] = []
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            batches.append(check_stamps(reviser.revise(PAIRS)))

    def wait_for(digest: str) -> None:
        begun, until = len(batches), time.monotonic() + 30
        while {digest} not in batches[begun:]:
            assert time.monotonic() < until
            assert not worker.done()
            time.sleep(0.001)

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(work)
        try:
            for digest in bad:
                adapters.promote(digest, "olga")
                wait_for(digest)
                rolled_back = adapters.roll_back("olga", "worse")
                assert rolled_back is not None
                assert rolled_back.digest == good
                wait_for(good)
        finally:
            ended.set()
        worker.result()
    reviser.close()
    database.close()
    assert set().union(*batches) == {good, *bad}
    assert Marking.open_engines == 0
