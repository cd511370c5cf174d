"""The adapter registry: one current adapter and one canary at most, whoever asks; every step leaves a trace."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.coaching.adapters import AdapterRecord, AdapterState, InForce, is_canary
from coachlm.errors import CoachLMError, NotFoundError, StoreError, TransitionError
from storage.adapters.adapters import DatabaseAdapterRegistry
from storage.engine.database import Database

A, B, C = (letter * 64 for letter in "abc")


@pytest.fixture
def registry(database: Database) -> DatabaseAdapterRegistry:
    return DatabaseAdapterRegistry(database)


def add(registry: DatabaseAdapterRegistry, digest: str, *, passed: bool = True) -> None:
    registry.register(
        AdapterRecord(digest, "base", "0" * 64, f"file:///adapters/{digest}", training={"alpha": 0.3}), "x"
    )
    registry.record_gate(digest, {"reason": "figures", "better": passed}, passed=passed)


def states(registry: DatabaseAdapterRegistry) -> dict[str, AdapterState]:
    return {record.digest: record.state for record in registry.adapters()}


def test_an_adapter_passes_from_candidate_to_current_and_the_one_before_retires(registry: DatabaseAdapterRegistry):
    add(registry, A)
    add(registry, B)
    registry.promote(A, "olga")
    registry.promote(B, "olga", "better on the held-out pairs")
    assert states(registry) == {A: AdapterState.RETIRED, B: AdapterState.CURRENT}
    assert registry.in_force() == InForce(registry.show(B), None)
    assert [(event.before, event.after, event.by) for event in registry.events(B)] == [
        (None, "candidate", "x"),
        ("candidate", "gated", "gate"),
        ("gated", "current", "olga"),
    ]
    assert registry.show(B).training == {"alpha": 0.3}
    assert registry.show(B).gate == {"reason": "figures", "better": True}


def test_what_the_gate_has_not_let_pass_is_never_promoted(registry: DatabaseAdapterRegistry):
    add(registry, A, passed=False)
    registry.register(AdapterRecord(B, "base", "", ""), "x")
    for digest in (A, B):
        with pytest.raises(TransitionError, match="it can become"):
            registry.promote(digest, "olga")
        with pytest.raises(TransitionError):
            registry.start_canary(digest, 0.1, "olga")
    assert registry.in_force() == InForce()


def test_registering_and_gating_again_changes_nothing(registry: DatabaseAdapterRegistry):
    add(registry, A)
    registry.promote(A, "olga")
    add_again = registry.register(AdapterRecord(A, "another", "1", "elsewhere"), "y")
    assert (add_again.base, add_again.state) == ("base", AdapterState.CURRENT)
    assert len(registry.events(A)) == 3


def test_what_the_gate_refused_it_may_judge_again_and_what_a_person_took_out_never(registry: DatabaseAdapterRegistry):
    add(registry, A, passed=False)
    assert registry.record_gate(A, {"reason": "still worse"}, passed=False).gate == {"reason": "still worse"}
    registry.record_gate(A, {"reason": "still worse"}, passed=False)  # the same again: nothing new
    assert [event.detail for event in registry.events(A)] == ["registered", "figures", "judged again: still worse"]
    assert registry.record_gate(A, {"reason": "better"}, passed=True).state is AdapterState.GATED
    registry.promote(A, "olga")
    registry.reject(A, "olga", "writes about ferries")
    with pytest.raises(TransitionError, match="taken out of use by olga"):
        registry.record_gate(A, {"reason": "better"}, passed=True)
    with pytest.raises(TransitionError, match="taken out of use by olga"):
        registry.override_gate(A, "otto", "I like it")


def test_a_person_lets_pass_what_the_gate_refused_and_says_why(registry: DatabaseAdapterRegistry):
    add(registry, A, passed=False)
    registry.register(AdapterRecord(B, "base", "", ""), "x")
    with pytest.raises(StoreError, match="needs a reason"):
        registry.override_gate(A, "olga", "  ")
    passed = registry.override_gate(A, "olga", "read 50 outputs: they are fine")
    assert passed.state is AdapterState.GATED
    assert passed.gate == {
        "reason": "figures",
        "better": False,
        "override": {"by": "olga", "reason": "read 50 outputs: they are fine"},
    }
    last = registry.events(A)[-1]
    assert (last.before, last.after, last.by) == (AdapterState.REJECTED, AdapterState.GATED, "olga")
    assert last.detail == "override: read 50 outputs: they are fine; the gate said: figures"
    assert registry.override_gate(B, "olga", "no pairs are held out yet").state is AdapterState.GATED
    assert registry.promote(A, "olga").state is AdapterState.CURRENT


def test_rolling_back_goes_one_step_each_time(registry: DatabaseAdapterRegistry):
    for digest in (A, B, C):
        add(registry, digest)
        registry.promote(digest, "olga")
    back = registry.roll_back("olga")
    assert back is not None
    assert back.digest == B
    assert registry.roll_back("olga", "worse on lists").digest == A  # pyright: ignore[reportOptionalMemberAccess]
    with pytest.raises(TransitionError, match="nothing was current before"):
        registry.roll_back("olga")
    registry.promote(C, "olga")  # a retired one may come back
    assert states(registry) == {A: AdapterState.RETIRED, B: AdapterState.RETIRED, C: AdapterState.CURRENT}


def test_rolling_back_a_canary_leaves_the_current_one(registry: DatabaseAdapterRegistry):
    add(registry, A)
    add(registry, B)
    registry.promote(A, "olga")
    registry.start_canary(B, 0.1, "olga")
    assert registry.start_canary(B, 0.5, "olga").canary_share == 0.5
    back = registry.roll_back("olga")
    assert back is not None
    assert back.digest == A
    assert states(registry) == {A: AdapterState.CURRENT, B: AdapterState.RETIRED}
    assert registry.show(B).canary_share == 0


def test_a_second_canary_takes_the_place_of_the_first(registry: DatabaseAdapterRegistry):
    add(registry, A)
    add(registry, B)
    registry.start_canary(A, 0.1, "olga")
    registry.start_canary(B, 0.1, "olga")
    assert states(registry) == {A: AdapterState.RETIRED, B: AdapterState.CANARY}
    registry.promote(B, "olga")
    assert registry.in_force().canary is None


def test_nothing_in_force_can_be_rolled_back_or_found(registry: DatabaseAdapterRegistry):
    with pytest.raises(TransitionError, match="no adapter is in force"):
        registry.roll_back("olga")
    for digest in ("", "abc", "%", "_" * 10, A):
        with pytest.raises(NotFoundError):
            registry.show(digest)
    add(registry, A)
    assert registry.show("aaaaaa").digest == A
    add(registry, "a" * 63 + "b")
    with pytest.raises(NotFoundError, match="several"):
        registry.show("aaaaaa")
    for share in (0, 1, -1, 2):
        with pytest.raises(StoreError, match="share"):
            registry.start_canary(A, share, "olga")


def test_promotions_at_the_same_time_leave_exactly_one_current(registry: DatabaseAdapterRegistry):
    digests = [f"{number:064d}" for number in range(8)]
    for digest in digests:
        add(registry, digest)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda digest: registry.promote(digest, digest), digests))
    found = list(states(registry).values())
    assert found.count(AdapterState.CURRENT) == 1
    assert found.count(AdapterState.RETIRED) == 7


steps = st.lists(
    st.tuples(st.sampled_from(["gate", "refuse", "canary", "promote", "back", "reject"]), st.sampled_from([A, B, C])),
    max_size=12,
)


@pytest.mark.slow
@given(steps)
def test_any_order_of_steps_leaves_at_most_one_of_each(sqlite_databases, steps: list[tuple[str, str]]):
    from storage.engine.database import open_database

    database = open_database(sqlite_databases.new())
    registry = DatabaseAdapterRegistry(database)
    try:
        for digest in (A, B, C):
            registry.register(AdapterRecord(digest, "base", "", ""), "x")
        for step, digest in steps:
            try:
                match step:
                    case "gate" | "refuse":
                        registry.record_gate(digest, {}, passed=step == "gate")
                    case "canary":
                        registry.start_canary(digest, 0.5, "olga")
                    case "promote":
                        registry.promote(digest, "olga")
                    case "back":
                        registry.roll_back("olga")
                    case "reject":
                        registry.reject(digest, "olga", "no")
            except CoachLMError:
                pass
            found = list(states(registry).values())
            assert found.count(AdapterState.CURRENT) <= 1
            assert found.count(AdapterState.CANARY) <= 1
        for digest, state in states(registry).items():
            assert registry.events(digest)[-1].after == state
    finally:
        database.close()
        sqlite_databases.drop()


def test_the_canary_gets_its_share_of_pairs_and_always_the_same():
    canary = AdapterRecord(A, "base", "", "", canary_share=0.2)
    force = InForce(AdapterRecord(B, "base", "", ""), canary)
    pairs = [f"pair {number}" for number in range(5000)]
    chosen = [pair for pair in pairs if force.for_pair(pair) is canary]
    assert 850 < len(chosen) < 1150
    assert all(is_canary(pair, canary) for pair in chosen)
    assert InForce(None, None).for_pair("pair") is None
