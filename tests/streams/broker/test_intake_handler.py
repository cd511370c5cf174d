"""Messages of logs.raw: every one ends as pairs, counted rejects or a dead letter, however often it comes."""

import json
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import Position
from coachlm.protocols.streams import DeadReason, StreamMessage
from coachlm.settings import load_settings
from coachlm.testing import FakeStreamStore
from streams.broker.worker.handler import Observer
from streams.broker.worker.intake_handler import IntakeHandler
from streams.reading.sources.records import ParseOptions
from streams.reading.stages import IntakeStages
from tests.streams.broker.messages import chat, chat_bytes, raw
from tests.streams.formats.samples import PIECES

SETTINGS = load_settings(max_record_bytes=20_000)  # pyright: ignore[reportCallIssue]


@cache
def stages() -> IntakeStages:
    return IntakeStages(SETTINGS, ParseOptions.from_settings(SETTINGS), b"salt")


def handled(*messages: StreamMessage, store: FakeStreamStore | None = None) -> FakeStreamStore:
    store = store or FakeStreamStore()
    IntakeHandler(stages(), store, SETTINGS, Observer()).handle(messages)
    return store


def positions(store: FakeStreamStore) -> list[Position]:
    return [item.sourced.provenance.position for item in store.pairs.values()]


def only_dead(store: FakeStreamStore) -> tuple[DeadReason, str]:
    (letter,) = store.dead.values()
    return letter.reason, letter.error


def test_a_record_becomes_a_pair_at_its_offset() -> None:
    store = handled(raw(7, chat_bytes(1)), raw(8, chat_bytes(2), partition=3))
    assert positions(store) == [Position("logs.raw:0", 7), Position("logs.raw:3", 8)]
    assert not store.dead
    assert store.commits == 1


def test_a_batch_that_comes_again_adds_nothing() -> None:
    messages = [raw(0, chat_bytes(1)), raw(1, b"{"), raw(2, chat_bytes(2))]
    store = handled(*messages)
    before = (dict(store.pairs), dict(store.rejects), dict(store.dead), list(store.outbox))
    handled(*messages, store=store)
    assert (store.pairs, store.rejects, store.dead, store.outbox) == before


@pytest.mark.parametrize(
    "value",
    [
        b"\n".join(chat_bytes(n) for n in range(3)),
        b"\r\n\r\n".join(chat_bytes(n) for n in range(3)) + b"\n",
        json.dumps([chat(n) for n in range(3)]).encode(),
        json.dumps([chat(n) for n in range(3)], indent=2).encode(),
        b"\n".join(json.dumps(chat(n), indent=2).encode() for n in range(3)),
    ],
)
def test_a_bundle_holds_several_records(value: bytes) -> None:
    store = handled(raw(5, value))
    assert len(store.pairs) == 3
    places = positions(store)
    assert len(set(places)) == 3
    assert {place.record for place in places} == {5}


def test_a_record_over_several_lines_is_one() -> None:
    store = handled(raw(5, json.dumps(chat(1), indent=2).encode()))
    assert positions(store) == [Position("logs.raw:0", 5)]


def test_an_array_of_messages_is_one_conversation() -> None:
    store = handled(raw(5, json.dumps(chat(1)["messages"]).encode()))
    assert positions(store) == [Position("logs.raw:0", 5)]


@pytest.mark.parametrize("pieces", [PIECES["openai_chat"], PIECES["openai_batch"]])
@pytest.mark.parametrize("as_array", [True, False])
def test_what_belongs_together_is_joined_within_its_message(pieces: list[object], as_array: bool) -> None:
    lines = json.dumps(pieces) if as_array else "\n".join(map(json.dumps, pieces))
    store = handled(raw(5, lines.encode()), raw(6, chat_bytes(1)))
    assert len(store.pairs) == 2
    assert not store.dead
    assert not store.rejects


def test_halves_in_different_messages_are_incomplete() -> None:
    request, response = PIECES["openai_batch"]
    store = handled(raw(5, json.dumps(request).encode()), raw(6, json.dumps(response).encode()))
    assert not store.pairs
    assert [letter.reason for letter in store.dead.values()] == [DeadReason.INCOMPLETE] * 2


@pytest.mark.parametrize(
    ("value", "reason", "said"),
    [
        (None, DeadReason.UNREADABLE, "tombstone"),
        (b'{"messages": [', DeadReason.UNREADABLE, "malformed_json"),
        (b"\xff\xfe\x00binary", DeadReason.UNREADABLE, "unreadable"),
        (b'{"cpu": 0.5}', DeadReason.UNREADABLE, "unknown_shape"),
        (b'{"messages": 7}', DeadReason.UNREADABLE, ""),
        (b"[" * 5000, DeadReason.UNREADABLE, "malformed_json"),
        (b"x" * 20_001, DeadReason.TOO_LARGE, "COACHLM_MAX_RECORD_BYTES"),
    ],
)
def test_what_no_format_reads_is_kept_whole(value: bytes | None, reason: DeadReason, said: str) -> None:
    store = handled(raw(4, chat_bytes(1)), raw(5, value, ("h", b"\x00")), raw(6, chat_bytes(2)))
    assert len(store.pairs) == 2
    found, error = only_dead(store)
    assert found is reason
    assert said in error
    assert store.dead[("logs.raw:0", 5)].message == raw(5, value, ("h", b"\x00"))


def test_a_bundle_with_a_broken_line_keeps_its_good_ones_and_is_kept_itself() -> None:
    store = handled(raw(5, chat_bytes(1) + b'\n{"half\n' + chat_bytes(2)))
    assert len(store.pairs) == 2
    assert only_dead(store)[0] is DeadReason.UNREADABLE


def test_a_record_that_is_no_answer_is_a_counted_reject_only() -> None:
    value = json.dumps({"messages": [{"role": "user", "content": "Where is it?"}]}).encode()
    store = handled(raw(5, value), raw(6, b""))
    assert sorted(reason for _, reason in store.rejects) == ["empty", "no_response"]
    assert not store.dead


def test_a_header_names_the_format() -> None:
    alpaca = json.dumps({"instruction": "Name a river.", "input": "", "output": "The Ume is one of them."}).encode()
    store = handled(raw(5, alpaca, ("coachlm-format", b"chat")))
    assert only_dead(store)[0] is DeadReason.UNREADABLE
    store = handled(raw(5, alpaca, ("coachlm-format", b"alpaca")), raw(6, chat_bytes(1)))
    assert [item.sourced.provenance.format for item in store.pairs.values()] == ["alpaca", "chat"]


def test_a_header_that_names_no_format_says_so() -> None:
    _, error = only_dead(handled(raw(5, chat_bytes(1), ("coachlm-format", b"\xffexcel"))))
    assert "coachlm-format" in error
    assert "openai_chat" in error


def test_headers_name_the_file_that_a_record_came_from() -> None:
    headers = ("coachlm-source", b"logs/a.jsonl"), ("coachlm-record", b"12")
    store = handled(raw(5, chat_bytes(1), *headers), raw(6, chat_bytes(2)))
    first, second = (item.sourced.provenance.extra for item in store.pairs.values())
    assert first["file"] == "logs/a.jsonl"
    assert first["file_record"] == "12"
    assert "file" not in second


def test_parts_of_lines_never_collide() -> None:
    spread = json.dumps([chat(n) for n in range(40)]).encode()
    other = json.dumps([chat(n) for n in range(40, 80)]).encode()
    store = handled(raw(5, spread + b"\n" + other))
    assert len(set(positions(store))) == 80


def outcomes(store: FakeStreamStore, messages: Sequence[StreamMessage]) -> set[tuple[str, int]]:
    found = {(place.source, place.record) for place in positions(store)}
    found |= {(place.source, place.record) for place, _ in store.rejects}
    return found | store.dead.keys()


pieces = st.sampled_from(
    [chat_bytes(1), chat_bytes(2), b"{", b"}", b"[", b"]", b'"', b"\n", b"\0", b"\xff", b"null", b","]
)


@given(st.lists(st.none() | st.binary(max_size=60) | st.lists(pieces, max_size=6).map(b"".join), max_size=5))
def test_every_message_leaves_a_row(values: list[bytes | None]) -> None:
    messages = [raw(offset, value) for offset, value in enumerate(values)]
    store = FakeStreamStore()
    if messages:
        handled(*messages, store=store)
    repeated = {("logs.raw:0", offset) for offset, value in enumerate(values) if value and b"chat-" in value}
    assert outcomes(store, messages) | repeated == {("logs.raw:0", offset) for offset in range(len(values))}
