"""Messages of pairs.accepted: each pair is revised once, whatever comes again or meanwhile."""

import pytest

from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair, Position, Provenance, SourcedPair
from coachlm.protocols.intake import IntakeBatch, IntakePair
from coachlm.protocols.streams import DeadReason, StreamMessage
from coachlm.revision import Outcome
from coachlm.settings import load_settings
from coachlm.testing import FakeReviser, FakeStreamStore
from streams.broker.worker.handler import Observer
from streams.broker.worker.revise_handler import ReviseHandler
from tests.streams.broker.messages import accepted

SETTINGS = load_settings(reviser_batch_pairs=2)  # pyright: ignore[reportCallIssue]


def pair(number: int) -> InstructionPair:
    return InstructionPair(f"Where is town {number} ?", "", f"it is north of river {number} .")


def store_of(*pairs: InstructionPair) -> FakeStreamStore:
    store = FakeStreamStore()
    sourced = [SourcedPair(one, Provenance(Position("logs.raw:0", n), "chat")) for n, one in enumerate(pairs)]
    store.commit_stream_intake(IntakeBatch([IntakePair(one) for one in sourced]), ())
    store.outbox.clear()
    return store


def mended() -> FakeReviser:
    return FakeReviser(lambda raw: InstructionPair(raw.instruction.replace(" ?", "?"), raw.input, raw.response))


def handle(store: FakeStreamStore, reviser: FakeReviser, *messages: StreamMessage) -> None:
    ReviseHandler(reviser, store, SETTINGS, Observer()).handle(messages)


def test_pairs_are_revised_and_announced() -> None:
    pairs = [pair(n) for n in range(3)]
    store = store_of(*pairs)
    handle(store, mended(), *(accepted(n, one) for n, one in enumerate(pairs)))
    assert {revision.outcome for revision in store.revisions.values()} == {Outcome.REVISED}
    assert {one.key for one in store.outbox} == {one.id for one in pairs}


def test_a_repeated_message_costs_no_second_revision() -> None:
    store, reviser = store_of(pair(1)), mended()
    handle(store, reviser, accepted(0, pair(1)), accepted(1, pair(1)))
    handle(store, reviser, accepted(1, pair(1)))
    assert reviser.calls == [[pair(1)], []]
    assert len(store.outbox) == 1


def test_a_pair_that_no_longer_waits_is_passed_over() -> None:
    store, reviser = FakeStreamStore(), mended()
    handle(store, reviser, accepted(0, pair(1)))
    assert reviser.calls == [[]]
    assert not store.revisions


def test_long_batches_are_committed_in_parts() -> None:
    pairs = [pair(n) for n in range(20)]
    store, reviser = store_of(*pairs), mended()
    handle(store, reviser, *(accepted(n, one) for n, one in enumerate(pairs)))
    assert [len(call) for call in reviser.calls] == [8, 8, 4]
    assert len(store.revisions) == 20


def test_an_engine_that_fails_leaves_what_was_committed() -> None:
    pairs = [pair(n) for n in range(12)]
    store = store_of(*pairs)

    def script(raw: InstructionPair) -> InstructionPair:
        if raw == pairs[9]:
            raise RuntimeError
        return raw

    with pytest.raises(EngineError):
        handle(store, FakeReviser(script), *(accepted(n, one) for n, one in enumerate(pairs)))
    assert set(store.revisions) == {one.id for one in pairs[:8]}


def test_messages_of_no_or_a_newer_codec_become_dead_letters() -> None:
    store = store_of(pair(1))
    newer = accepted(1, pair(1)).value or b""
    handle(
        store,
        mended(),
        StreamMessage("pairs.accepted", 0, 0, None, b"garbage"),
        StreamMessage("pairs.accepted", 0, 1, None, newer.replace(b'"version":1', b'"version":9')),
        StreamMessage("pairs.accepted", 0, 2, None, None),
        accepted(3, pair(1)),
    )
    reasons = {offset: letter.reason for (_, offset), letter in store.dead.items()}
    assert reasons == {0: DeadReason.WRONG_SCHEMA, 1: DeadReason.NEWER_VERSION, 2: DeadReason.WRONG_SCHEMA}
    assert set(store.revisions) == {pair(1).id}


def test_an_engine_that_answers_nothing_is_not_healthy() -> None:
    def script(raw: InstructionPair) -> InstructionPair:
        raise RuntimeError

    handler = ReviseHandler(FakeReviser(script), FakeStreamStore(), SETTINGS, Observer())
    with pytest.raises(EngineError):
        handler.is_healthy()
    assert ReviseHandler(mended(), FakeStreamStore(), SETTINGS, Observer()).is_healthy()
