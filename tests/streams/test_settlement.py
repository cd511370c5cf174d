"""A batch with its joined groups: every reject has a place of its own in the store."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import Position, Reject, RejectReason
from coachlm.settings import Settings
from coachlm.testing import FakeStreamStore
from streams.reading.join import Matched
from streams.reading.log_door import EmbeddedLogDoor
from streams.reading.settlement import settle
from streams.reading.stages import Extract

PLACES = st.builds(Position, st.just("log"), st.integers(0, 1), st.integers(0, 2))
REJECTS = st.lists(st.builds(Reject, PLACES, st.sampled_from([RejectReason.EMPTY, RejectReason.TOO_LONG])))


@given(REJECTS, REJECTS)
def test_no_reject_takes_the_place_of_another(own: list[Reject], unmatched: list[Reject]) -> None:
    found = settle(Extract(rejects=own), Matched(rejects=unmatched), lambda _: Extract()).batch().rejects
    assert len({(reject.position, reject.reason) for reject in found}) == len(own) + len(unmatched)
    assert [(one.position.record, one.reason) for one in found] == [
        (one.position.record, one.reason) for one in [*own, *unmatched]
    ]


@given(REJECTS)
def test_rejects_apart_keep_their_places(rejects: list[Reject]) -> None:
    apart = list({(one.position, one.reason): one for one in rejects}.values())
    assert settle(Extract(rejects=apart), Matched(), lambda _: Extract()).rejects == apart


def test_a_reject_of_a_turn_and_one_of_an_entry_are_both_stored() -> None:
    """Turn 1 of the first conversation and entry 1 have the same number."""
    asked = {"role": "user", "content": "Where is the mill?"}
    turns = [asked, {"role": "assistant", "content": "By the river."}, asked]
    blank = [asked, {"role": "assistant", "content": ""}]
    lines = [orjson.dumps({"data": [{"messages": turns}, {"messages": [asked]}, {"messages": blank}]})]
    store = FakeStreamStore()
    settings = Settings()
    verdicts = list(EmbeddedLogDoor(store, settings, b"salt").accept(lines, request_id="a"))
    assert [verdict.ok for verdict in verdicts] == [True]
    assert sorted((place.part, reason) for place, reason in store.rejects) == [
        (-2, RejectReason.NO_RESPONSE),
        (1, RejectReason.NO_RESPONSE),
        (2, RejectReason.EMPTY),
    ]
