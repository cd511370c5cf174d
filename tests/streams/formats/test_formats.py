"""Every format reads its sample; every entry point keeps its promises about positions, options and detection."""

import json
from datetime import UTC, datetime

import pytest

from coachlm.pairs import Position, Reject, RejectReason
from streams.reading.formats import FORMATS, assemble, detect, parse_record
from streams.reading.sources.records import Conversation, Fragment, ParseOptions, RawRecord
from tests.streams.formats import samples
from tests.streams.formats.more_samples import MORE_INNER_FORMATS, MORE_PIECES, MORE_SAMPLES
from tests.streams.formats.parsing import POSITION, chat, chats, join, parse, reason, reasons, texts
from tests.streams.formats.samples import ANSWER, ASKED, MODEL, SYSTEM

SAMPLES = {**samples.SAMPLES, **MORE_SAMPLES}
PIECES = {**samples.PIECES, **MORE_PIECES}
INNER_FORMATS = {**samples.INNER_FORMATS, **MORE_INNER_FORMATS}
OPTIONS = ParseOptions()


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_detected_and_read(name: str) -> None:
    found = chats(SAMPLES[name])

    assert detect(SAMPLES[name]) == name
    assert [conversation.format for conversation in found] == [INNER_FORMATS.get(name, name)]
    assert [text for text in texts(found[0]) if text[0] != "system"] == [("user", ASKED), ("assistant", ANSWER)]


@pytest.mark.parametrize("name", PIECES)
def test_pieces_are_joined(name: str) -> None:
    joined = [outcome for outcome in join(PIECES[name]) if isinstance(outcome, Conversation)]

    said = [text for text in texts(joined[0]) if text[0] != "system" and text[1]]
    assert said == [("user", ASKED), ("assistant", ANSWER)]
    assert joined[0].format == name


def test_every_format_has_a_sample() -> None:
    assert set(FORMATS) == {*SAMPLES, *PIECES}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_wanted_format_reads_its_own_sample(name: str) -> None:
    assert len(chats(SAMPLES[name], format=name)) == 1


@pytest.mark.parametrize("name", ["anthropic", "gemini", "ollama", "openai_responses", "openai_chat", "litellm"])
def test_circumstances_are_kept(name: str) -> None:
    assert chats(SAMPLES[name])[0].model == MODEL


def test_circumstances_of_an_export_row() -> None:
    conversation = chat(SAMPLES["langfuse"])

    assert conversation.timestamp == datetime(2026, 3, 1, 8, 0, 2, tzinfo=UTC)
    assert (conversation.source_id, conversation.session_id, conversation.user_id) == ("obs-1", "balcony", "gardener-7")


@pytest.mark.parametrize("name", ["litellm", "vcr_cassette", "openai_chat"])
def test_addresses_and_user_agents_are_dropped(name: str) -> None:
    told = repr(chats(SAMPLES[name]))

    assert "192.0.2.7" not in told
    assert "browser" not in told


def test_system_prompts_come_first() -> None:
    for name in ("openai_responses", "anthropic", "gemini", "openllmetry", "otel_genai"):
        assert texts(chats(SAMPLES[name])[0])[0] == ("system", SYSTEM)


def test_entries_of_a_record_are_numbered() -> None:
    outcomes = parse({"data": [SAMPLES["alpaca"], {"no": "format"}, SAMPLES["chat"]]})

    assert [outcome.position for outcome in outcomes] == [Position("log.jsonl", 4, part) for part in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Conversation, Reject, Conversation]


def test_wanted_format_is_meant_for_what_a_page_holds() -> None:
    odd = {"instruction": ASKED, "output": ANSWER, "messages": []}

    assert reasons({"data": [odd]}) == [RejectReason.EMPTY]
    assert chat({"data": [odd]}, format="alpaca").format == "alpaca"


def test_wanted_format_names_what_is_missing() -> None:
    (outcome,) = parse({"topic": "herbs"}, format="sharegpt")

    assert outcome == Reject(
        POSITION,
        RejectReason.MALFORMED_RECORD,
        "`conversations` is null, not an array of messages",
        "sharegpt",
        '{"topic": "herbs"}',
    )


def test_unknown_wanted_format() -> None:
    assert reason(SAMPLES["alpaca"], format="papyrus") is RejectReason.UNKNOWN_SHAPE


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", RejectReason.EMPTY),
        (b"  \n", RejectReason.EMPTY),
        (b"{}", RejectReason.UNKNOWN_SHAPE),
        (b"[]", RejectReason.EMPTY),
        (b"12", RejectReason.UNKNOWN_SHAPE),
        (b'"text"', RejectReason.UNKNOWN_SHAPE),
        (b"null", RejectReason.UNKNOWN_SHAPE),
        (b"[1, 2]", RejectReason.UNKNOWN_SHAPE),
        (b'{"instruction": ', RejectReason.MALFORMED_JSON),
        (b'{"a": 1} {"b": 2}', RejectReason.MALFORMED_JSON),
        (b'\xff\xfe{"a": 1}', RejectReason.UNREADABLE),
        (b"\x00\x01\x02", RejectReason.MALFORMED_JSON),
        (b"[" * 101, RejectReason.MALFORMED_JSON),
        (b"[" * 100_000, RejectReason.MALFORMED_JSON),
        (b'{"a":' * 100_000, RejectReason.MALFORMED_JSON),
        (b"[" * 150 + b"NaN" + b"]" * 150, RejectReason.MALFORMED_JSON),
        (b'{"n": ' + b"9" * 5000 + b', "x": NaN}', RejectReason.MALFORMED_JSON),
    ],
)
def test_what_is_no_record(data: bytes, expected: RejectReason) -> None:
    assert reason(data) is expected


def test_brackets_inside_texts_are_no_nesting() -> None:
    assert chat({"instruction": "[" * 500, "output": "{" * 500}).messages[0].text == "[" * 500


@pytest.mark.parametrize(
    "data",
    [
        b'\xef\xbb\xbf{"instruction": "a", "output": "b"}',
        b'{"instruction": "a", "output": "b", "score": NaN}',
        b'{"instruction": "a", "output": "b", "score": -Infinity}',
        b'{"instruction": "a", "output": "b", "seed": 123456789012345678901234567890}',
        b'{"instruction": "a", "output": "b \\ud83d", "n": 1}',
        b'{"instruction": "a", "output": "tab\there"}',
    ],
)
def test_what_the_fast_decoder_refuses(data: bytes) -> None:
    assert texts(chat(data))[0] == ("user", "a")


def test_longest_record() -> None:
    data = json.dumps(SAMPLES["alpaca"]).encode()
    (fits,) = parse_record(RawRecord(POSITION, data), ParseOptions(max_record_bytes=len(data)))
    (too_long,) = parse_record(RawRecord(POSITION, data), ParseOptions(max_record_bytes=len(data) - 1))

    assert isinstance(fits, Conversation)
    assert isinstance(too_long, Reject)
    assert too_long.reason is RejectReason.TOO_LONG


def test_decoded_values_that_contain_themselves() -> None:
    loop: dict[str, object] = {"instruction": ASKED}
    loop["output"] = [loop]
    shared = ["x"] * 10
    for _ in range(60):
        shared = [shared] * 10

    for value in (loop, {"messages": shared}):
        (outcome,) = parse_record(RawRecord(POSITION, value), OPTIONS)
        assert isinstance(outcome, Reject)


def test_entries_within_entries_end() -> None:
    value: object = SAMPLES["alpaca"]
    for _ in range(12):
        value = {"data": [value]}

    assert reason(value) is RejectReason.UNKNOWN_SHAPE


@pytest.mark.parametrize("mark", ["redacted-by-litellm", "__REDACTED__", "[REDACTED]", " <redacted> "])
def test_redaction_marks(mark: str) -> None:
    assert reason({"instruction": mark, "output": ANSWER}) is RejectReason.REDACTED
    assert reason({"instruction": ASKED, "output": mark}) is RejectReason.REDACTED


def test_texts_about_redaction_are_not_redacted() -> None:
    assert chat({"instruction": "What does [REDACTED] mean?", "output": ANSWER})


def test_fragment_says_how_much_room_it_takes() -> None:
    data = json.dumps(PIECES["openai_batch"][0]).encode()
    (fragment,) = parse_record(RawRecord(POSITION, data), OPTIONS)

    assert isinstance(fragment, Fragment)
    assert fragment.size == len(data)


def test_groups_that_nothing_can_join() -> None:
    stray = Fragment(POSITION, "alpaca", "k", "chunk", {}, 2)

    assert assemble([]) == []
    assert [o.reason for o in assemble([stray]) if isinstance(o, Reject)] == [RejectReason.UNMATCHED]


def test_details_never_quote_the_record() -> None:
    secret = "mother's maiden name"
    for record in (
        {"instruction": [secret], "output": ANSWER},
        {"messages": [{"role": secret, "content": ASKED}]},
        {"request": {"messages": secret}, "response": {"choices": secret}},
    ):
        assert all(secret not in repr(outcome) for outcome in parse(record) if isinstance(outcome, Reject))
