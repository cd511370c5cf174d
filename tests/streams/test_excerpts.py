"""Excerpts of rejects: readable, short, and without personal data or names of users."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachlm.pairs import Position, Reject, RejectReason
from coachlm.settings import load_settings
from streams.reading.join import Joiner
from streams.reading.log_door import posted_records
from streams.reading.sources.excerpts import EXCERPT_CHARS, beginning, shortened
from streams.reading.sources.lines import split_lines
from streams.reading.sources.records import ParseOptions, RawRecord
from streams.reading.stages import IntakeStages

WHO = "Mail jane.doe@example.com or ring +49 170 1234567."
HALVES = {"messages": [{"role": "user", "kontent": WHO}], "user_id": "jd77", "api_key": "my-own-key"}


@pytest.fixture(scope="module")
def stages() -> IntakeStages:
    return IntakeStages(load_settings(), ParseOptions(max_record_bytes=100_000), b"salt")


def rejected(stages: IntakeStages, data: object) -> Reject:
    record = RawRecord(Position("logs/a.jsonl", 3), data)
    (reject,) = stages.process([record]).rejects
    return reject


@pytest.mark.parametrize(
    "data",
    [
        HALVES,
        json.dumps(HALVES).encode(),
        json.dumps(HALVES).encode()[:-1],
        json.dumps(HALVES).replace("@", "\\u0040").replace("+", "\\u002b").encode()[:-1],
        {"rows": {"frage": f"Bitte:\n{WHO}"}, "user": "jd77", "Authorization": "my-own-key"},
        {"x": "x" * 239 + " jane.doe@example.com", "user_id": "jd77"},
        {"x": "x " * 117 + "jane.doe@example.com"},
        b"not json: " + WHO.encode(),
        b"\xff" + WHO.encode(),
        [1, f"{WHO} jd 77"],
    ],
)
def test_nobody_is_named(stages: IntakeStages, data: object):
    excerpt = rejected(stages, data).excerpt
    assert excerpt
    for secret in ("jane.doe", "1234567", "jd77", "my-own-key"):
        assert secret not in excerpt


def test_what_was_there_can_be_read(stages: IntakeStages):
    excerpt = rejected(stages, json.dumps(HALVES).encode()).excerpt
    told = '{"messages": [{"role": "user", "kontent": "Mail <EMAIL_1> or ring <PHONE_1>."}]'
    assert excerpt == f'{told}, "user_id": "…", "api_key": "…"}}'
    assert '"max_tokens": 5' in rejected(stages, {"max_tokens": 5, "user": {"text": "a b"}}).excerpt


def test_of_a_turn_the_texts_of_both_speakers_are_shown(stages: IntakeStages):
    messages = [{"role": "user", "content": f"First: {WHO}"}, {"role": "assistant", "content": "Yes."}]
    turns = [*messages, {"role": "user", "content": "And now?"}, {"role": "assistant", "content": ""}]
    reject = rejected(stages, {"messages": turns})
    assert (reject.reason, reject.excerpt) == (RejectReason.EMPTY, "user: And now?")


def test_a_half_that_waits_for_ever_is_shown_too(stages: IntakeStages):
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [], "user": "jd77"}}
    joiner = Joiner(1_000_000, stages.excerpt)
    joiner.match(stages.process([RawRecord(Position("a", 0), line)]).fragments)
    (reject,) = joiner.flush()
    assert reject.reason is RejectReason.UNMATCHED
    assert "messages" in reject.excerpt
    assert "jd77" not in reject.excerpt


def test_what_is_too_long_is_shown_from_its_beginning(stages: IntakeStages):
    (flaw,) = split_lines(iter([b'{"question": "', b"a" * 500]), 100)
    assert not isinstance(flaw, bytes)
    assert flaw.begin == b'{"question": "'
    (posted,) = posted_records([b'{"question": "' + b"a " * 100], "http:x", 100)
    assert isinstance(posted, Reject)
    assert posted.excerpt.startswith('{"question": "a a')


def test_traces_are_not_filled_with_what_is_no_pair_by_right():
    assert len(shortened("x" * 600, RejectReason.NOT_A_GENERATION)) < 200
    assert len(shortened("x" * 600, RejectReason.EMPTY)) == EXCERPT_CHARS


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=30,
)


@settings(deadline=None)
@given(value=_json | st.binary())
def test_any_value_has_a_short_beginning(value: object):
    assert len(beginning(value)) <= 3_000


def test_a_hostile_record_costs_no_more_than_a_short_one():
    deep: object = "x"
    for _ in range(5_000):
        deep = [deep]
    assert beginning(deep) == "[" * 8 + "…" + "]" * 8
    assert len(beginning({"a": ["b" * 1_000_000] * 1_000_000})) < 3_000
    assert len(beginning(b"\\" * 100_000)) <= 2_001
