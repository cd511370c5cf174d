"""The number that tells the parts of a record apart: unique within bounds, the same as ever, never out of them."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import Position, Reject, RejectReason
from coachlm.protocols.streams import StreamMessage
from streams.broker.wire.raw_messages import raw_records
from streams.reading.formats import assemble, parse_record
from streams.reading.sources.part import Part
from streams.reading.sources.records import Fragment, ParseOptions, RawRecord

LINES = st.integers(0, Part.LINES - 1)
ENTRIES = st.integers(0, Part.ENTRIES - 1)
TURNS = st.integers(0, Part.TURNS - 1)
WHOLES = st.builds(Part, LINES, ENTRIES)
OF_TURNS = st.builds(Part, LINES, ENTRIES, TURNS)
LARGEST_STORED = (1 << 63) - 1


@given(WHOLES | OF_TURNS)
def test_a_number_fits_its_column_and_is_read_back(part: Part) -> None:
    assert 0 <= part.encode() <= LARGEST_STORED
    assert Part.decode(part.encode(), has_turn=part.turn is not None) == part


@given(st.lists(WHOLES, unique=True) | st.lists(OF_TURNS, unique=True))
def test_no_two_share_a_number(parts: list[Part]) -> None:
    assert len({part.encode() for part in parts}) == len(parts)


@pytest.mark.parametrize(
    ("part", "number"),
    [
        (Part(), 0),
        (Part(entry=3), 3),
        (Part(line=2, entry=5), 2 * 2**18 + 5),
        (Part(turn=7), 7),
        (Part(entry=3, turn=7), 3 * 2**20 + 7),
        (Part(2, 5, 7), (2 * 2**18 + 5) * 2**20 + 7),
    ],
)
def test_numbers_of_existing_databases_stay(part: Part, number: int) -> None:
    assert part.encode() == number


@pytest.mark.parametrize(
    "numbers", [(Part.LINES, 0), (0, Part.ENTRIES), (0, 0, Part.TURNS), (-1,), (0, -1), (0, 0, -1)]
)
def test_out_of_bounds_is_no_part(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="out of bounds"):
        Part(*numbers)


@pytest.mark.slow
def test_entries_without_room_are_one_reject_that_counts_them() -> None:
    """`Part.ENTRIES` + 1 entries in one line once took the number of the next line's first."""
    line = b"[" + b",".join([b'{"instruction":"a"}'] * (Part.ENTRIES + 1)) + b"]"
    message = StreamMessage("logs.raw", 0, 7, None, line + b'\n{"instruction":"another"}')
    records = raw_records(message, 16_000_000)
    outcomes = [found for record in records if isinstance(record, RawRecord) for found in parse_record(record, OPTIONS)]
    assert len({outcome.position for outcome in outcomes}) == len(outcomes) == Part.ENTRIES + 1
    assert outcomes[-2] == Reject(
        Position("logs.raw:0", 7, Part.ENTRIES - 1),
        RejectReason.TOO_LONG,
        "2 entries after the record's first 262,143 were left out",
        "alpaca",
    )


def test_lines_without_room_are_one_reject_that_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Part, "LINES", 3)
    value = b"\n".join(orjson.dumps({"instruction": str(number)}) for number in range(5))
    *read, reject = raw_records(StreamMessage("logs.raw", 0, 7, None, value), 1_000)
    assert [record.position.part for record in read] == [Part(line).encode() for line in range(3)]
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.detail) == (
        RejectReason.TOO_LONG,
        "2 lines after the first 3 of the message were left out",
    )
    assert reject.position not in {record.position for record in read}


def test_answers_without_room_are_one_reject_that_counts_them() -> None:
    answers = [{"index": n, "message": {"role": "assistant", "content": f"{n}."}} for n in range(80)]
    halves = {
        "request": {"body": {"messages": [{"role": "user", "content": "Which?"}]}},
        "response": {"status": 200, "failed": False, "body": {"object": "chat.completion", "choices": answers}},
    }
    fragments = [
        Fragment(Position("log", 0, entry), "openai_batch", "a", part, data, 1)
        for entry, (part, data) in enumerate(halves.items())
    ]
    outcomes = assemble(fragments)
    assert len({outcome.position for outcome in outcomes}) == len(outcomes) == 64
    assert all(outcome.position.part < Part.ENTRIES for outcome in outcomes)
    assert isinstance(outcomes[-1], Reject)
    assert outcomes[-1].detail == "17 answers of one call after the first 63 were left out"


OPTIONS = ParseOptions()
