"""Posted lines: a verdict each, all of them in the store, halves joined, the same request twice stored once."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.errors import InputError, StoreError
from coachlm.protocols.doors import LineVerdict, LogDoor
from coachlm.protocols.intake import IntakeBatch, IntakeCounts, Progress
from coachlm.settings import load_settings
from storage.engine.database import open_database
from storage.intake.store import DatabaseStore
from streams.reading.log_door import EmbeddedLogDoor
from tests.content import content_lines

SETTINGS = load_settings(batch_records=4, max_record_bytes=2_000)


class MemoryStore:
    """Keeps every batch; fails the batches whose numbers are in `broken`."""

    def __init__(self, broken: Sequence[int] = ()) -> None:
        self.batches: list[IntakeBatch] = []
        self.broken = set(broken)
        self.calls = 0

    def commit_intake(self, batch: IntakeBatch) -> IntakeCounts:
        self.calls += 1
        if self.calls in self.broken:
            raise StoreError("the disk is full")
        self.batches.append(batch)
        return IntakeCounts()

    def progress(self, source: str) -> Progress | None:
        return None

    def awaiting_revision(self, limit: int) -> list[Any]:
        return []

    def save_revisions(self, revisions: Sequence[Any]) -> int:
        return 0


@pytest.fixture(scope="module")
def doors() -> EmbeddedLogDoor:
    """One door whose stages every test shares; each gives it a store of its own."""
    return EmbeddedLogDoor(MemoryStore(), SETTINGS, b"salt")


@pytest.fixture
def store(doors: EmbeddedLogDoor) -> MemoryStore:
    doors._store = store = MemoryStore()
    return store


def chat(number: int) -> bytes:
    question, answer = f"Where does river {number} begin?", f"River {number} begins on hill {number * 7}."
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages}).encode()


def request(number: int) -> bytes:
    body = {"model": "m", "messages": [{"role": "user", "content": f"Name hill number {number}, please."}]}
    return json.dumps(
        {"custom_id": f"call-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
    ).encode()


def response(number: int) -> bytes:
    message = {"role": "assistant", "content": f"That is hill {number}, called Long Man."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": f"c{number}", "object": "chat.completion", "choices": [choice]}
    return json.dumps(
        {"id": "b", "custom_id": f"call-{number}", "response": {"status_code": 200, "body": body}, "error": None}
    ).encode()


def verdicts(door: LogDoor, lines: Sequence[bytes], **options: Any) -> dict[int, LineVerdict]:
    given = list(door.accept(iter(lines), **options))
    assert len({verdict.line for verdict in given}) == len(given)
    return {verdict.line: verdict for verdict in given}


def test_every_line_that_is_not_blank_gets_a_verdict(doors: EmbeddedLogDoor, store: MemoryStore) -> None:
    lines = [chat(1), b"", b"{broken", b"[1, 2]", b"  \r", b"\xff\xfe", b'"' + b"x" * 3_000 + b'"', chat(2)]
    found = verdicts(doors, lines)
    assert [number for number, verdict in sorted(found.items()) if verdict.ok] == [0, 7]
    reasons = {number: verdict.reason.split(":")[0] for number, verdict in found.items() if not verdict.ok}
    assert reasons == {2: "malformed_json", 3: "unknown_shape", 5: "unreadable", 6: "too_long"}
    stored = [reject.position.record for batch in store.batches for reject in batch.rejects]
    assert sorted(set(stored)) == [2, 3, 5, 6]
    assert sum(len(batch.pairs) for batch in store.batches) == 2


def test_halves_are_joined_and_what_stays_alone_is_said(doors: EmbeddedLogDoor, store: MemoryStore) -> None:
    lines = [request(1), request(2), *map(chat, range(9)), response(2), response(3)]
    found = verdicts(doors, lines)
    refused = {number for number, verdict in found.items() if not verdict.ok}
    assert refused == {0, len(lines) - 1}
    assert all(found[number].reason.startswith("unmatched") for number in refused)
    assert len(found) == len(lines)


@given(st.permutations([request(1), response(1), request(2), response(3), chat(1), chat(2), b"{", b"", b"[[]]"]))
def test_any_order_settles_every_line(doors: EmbeddedLogDoor, lines: list[bytes]) -> None:
    doors._store = MemoryStore()
    found = verdicts(doors, lines)
    assert set(found) == {number for number, line in enumerate(lines) if line}
    good = {lines[number] for number, verdict in found.items() if verdict.ok}
    assert good == {request(1), response(1), chat(1), chat(2)}


def test_an_array_with_an_orphan_half_is_ok_for_what_else_it_holds(doors: EmbeddedLogDoor, store: MemoryStore) -> None:
    line = b"[" + chat(5) + b"," + request(9) + b"," + request(8) + b"]"
    assert verdicts(doors, [line, response(8)]) == {0: LineVerdict(0, True), 1: LineVerdict(1, True)}


def test_lines_are_read_no_faster_than_they_are_stored(doors: EmbeddedLogDoor, store: MemoryStore) -> None:
    taken = 0

    def lines() -> Iterator[bytes]:
        nonlocal taken
        for number in range(1_000):
            taken += 1
            yield chat(number)

    answers = doors.accept(lines())
    for _ in range(10):
        next(answers)
    assert taken <= 3 * SETTINGS.intake.batch_records


def test_what_had_a_verdict_is_stored_when_the_store_fails(doors: EmbeddedLogDoor) -> None:
    doors._store = store = MemoryStore(broken=[3])
    given: list[LineVerdict] = []
    with pytest.raises(StoreError):
        given.extend(doors.accept(map(chat, range(20))))
    assert len(store.batches) == 2
    assert [item.sourced.provenance.position.record for batch in store.batches for item in batch.pairs] == list(
        range(2 * SETTINGS.intake.batch_records)
    )


def test_a_wrong_format_is_refused_before_anything_is_read(doors: EmbeddedLogDoor) -> None:
    with pytest.raises(InputError, match="unknown log format"):
        doors.accept(iter([chat(1)]), format="telegrams")


def test_a_given_format_holds_for_its_request_alone(doors: EmbeddedLogDoor, store: MemoryStore) -> None:
    assert not verdicts(doors, [chat(1)], format="alpaca")[0].ok
    assert verdicts(doors, [chat(1)])[0].ok


def test_the_same_request_twice_is_stored_once(doors: EmbeddedLogDoor, tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'coachlm.db'}")
    try:
        from storage.engine.schema import prepare

        prepare(database)
        doors._store = DatabaseStore(database)
        lines = [chat(1), request(1), b"{broken", response(1), response(4)]
        first = verdicts(doors, lines, request_id="r1")
        content = list(content_lines(database))
        assert verdicts(doors, lines, request_id="r1") == first
        assert list(content_lines(database)) == content
    finally:
        database.close()


def test_threads_share_a_door(doors: EmbeddedLogDoor, store: MemoryStore) -> None:
    def post(thread: int) -> int:
        return sum(v.ok for v in doors.accept(chat(number) for number in range(thread * 50, thread * 50 + 50)))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(post, range(4))) == [50] * 4
    pairs = {item.sourced.pair.id for batch in store.batches for item in batch.pairs}
    assert len(pairs) == 200
