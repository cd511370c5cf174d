"""Nothing raises and nothing vanishes: arbitrary values, mutated samples, and every shared log file."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coachlm.pairs import Position, Reject, RejectReason
from streams.reading.formats import FORMATS, assemble, parse_record
from streams.reading.sources import expand, read_source
from streams.reading.sources.records import Conversation, Fragment, Parsed, ParseOptions, RawRecord, Role
from tests.streams.formats.parsing import POSITION, chats, texts
from tests.streams.formats.samples import PIECES, SAMPLES

KEYS = sorted(
    {
        "messages",
        "role",
        "content",
        "parts",
        "type",
        "text",
        "instruction",
        "input",
        "output",
        "request",
        "response",
        "choices",
        "message",
        "delta",
        "observations",
        "trace",
        "attributes",
        "resourceSpans",
        "interactions",
        "data",
        "prompt",
        "replies",
        "custom_id",
        "conversations",
        "from",
        "value",
        "history",
        "error",
        "status",
        "events",
    }
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(KEYS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner),
    max_leaves=25,
)
RECORDS = [*SAMPLES.values(), *(record for records in PIECES.values() for record in records)]
WANTED = st.none() | st.sampled_from(sorted(FORMATS))
MANY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(outcomes: list[Parsed]) -> None:
    """The promises about every outcome, and that the last resort was not needed."""
    assert outcomes
    assert len({outcome.position for outcome in outcomes}) == len(outcomes)
    for outcome in outcomes:
        assert (outcome.position.source, outcome.position.record) == (POSITION.source, POSITION.record)
        if isinstance(outcome, Reject):
            assert not outcome.detail.startswith("unexpected")
            assert len(outcome.detail) <= 200
        elif isinstance(outcome, Conversation):
            check_conversation(outcome)
    for group in groups(outcomes):
        check_assembled(group)


def check_conversation(conversation: Conversation) -> None:
    assert all(isinstance(message.text, str) and isinstance(message.input, str) for message in conversation.messages)
    spoken = [message.role for message in conversation.messages if message.text.strip()]
    assert Role.ASSISTANT in spoken[spoken.index(Role.USER) :]
    assert conversation.timestamp is None or conversation.timestamp.tzinfo is not None
    for name in (conversation.source_id, conversation.model, conversation.session_id, conversation.user_id):
        assert name is None or isinstance(name, str)


def groups(outcomes: list[Parsed]) -> Iterator[list[Fragment]]:
    fragments = [outcome for outcome in outcomes if isinstance(outcome, Fragment)]
    for key in {(fragment.format, fragment.key) for fragment in fragments}:
        yield [fragment for fragment in fragments if (fragment.format, fragment.key) == key]


def check_assembled(group: list[Fragment]) -> None:
    outcomes = assemble(group)
    assert outcomes
    assert len({outcome.position for outcome in outcomes}) == len(outcomes)
    for outcome in outcomes:
        if isinstance(outcome, Reject):
            assert not outcome.detail.startswith("unexpected")
        else:
            check_conversation(outcome)


@pytest.mark.slow
@MANY
@given(VALUES, WANTED)
def test_arbitrary_values(value: Any, wanted: str | None) -> None:
    check(parse_record(RawRecord(POSITION, value), ParseOptions(format=wanted)))


@pytest.mark.slow
@MANY
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), WANTED)
def test_arbitrary_bytes(data: bytes, wanted: str | None) -> None:
    check(parse_record(RawRecord(POSITION, data), ParseOptions(format=wanted)))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value within a value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid record with a few fields deleted, renamed, doubled or given another value."""
    record = copy.deepcopy(draw(st.sampled_from(RECORDS)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(record))))
        if not path:
            continue
        parent, key = at(record, path[:-1]), path[-1]
        match draw(st.sampled_from(["delete", "rename", "retype", "double", "swap"])):
            case "delete":
                del parent[key]
            case "rename" if isinstance(parent, dict):
                parent[draw(st.sampled_from(KEYS))] = parent.pop(key)
            case "double" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[key]))
            case "swap":
                parent[key] = copy.deepcopy(at(record, draw(st.sampled_from(list(places(record))))))
            case _:
                parent[key] = draw(VALUES)
    return record


@pytest.mark.slow
@MANY
@given(mutated(), WANTED)
def test_mutated_samples(record: Any, wanted: str | None) -> None:
    check(parse_record(RawRecord(POSITION, record), ParseOptions(format=wanted)))


@pytest.mark.slow
@MANY
@given(st.sampled_from(RECORDS), st.data())
def test_mutated_bytes(record: dict[str, Any], data: st.DataObject) -> None:
    written = bytearray(json.dumps(record).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))
    check(parse_record(RawRecord(POSITION, bytes(written)), ParseOptions()))
    check(parse_record(RawRecord(POSITION, bytes(written[: data.draw(st.integers(0, len(written)))])), ParseOptions()))


@pytest.mark.slow
@MANY
@given(st.lists(st.sampled_from(RECORDS), min_size=1, max_size=6), st.data())
def test_groups_that_are_incomplete_or_mixed(records: list[dict[str, Any]], data: st.DataObject) -> None:
    fragments: list[Fragment] = []
    for number, record in enumerate(records):
        raw = RawRecord(Position("log", number), record)
        fragments += [o for o in parse_record(raw, ParseOptions()) if isinstance(o, Fragment)]
    for name in {fragment.format for fragment in fragments}:
        group = data.draw(st.permutations([fragment for fragment in fragments if fragment.format == name]))
        check_assembled(group)


# Shared logs


def outcomes_of(path: str) -> Iterator[tuple[RawRecord | Reject, list[Parsed]]]:
    for record in read_source(path, ParseOptions()):
        yield record, [record] if isinstance(record, Reject) else parse_record(record, ParseOptions())


def test_shared_logs_are_accounted_for(data_dir: Path) -> None:
    paths = list(expand([str(data_dir / "logs")]))
    read = conversations = 0

    for path in paths:
        for record, outcomes in outcomes_of(path):
            read += 1
            assert outcomes
            assert len({outcome.position for outcome in outcomes}) == len(outcomes)
            assert {o.position.record for o in outcomes} == {record.position.record}
            assert not any(isinstance(o, Reject) and o.detail.startswith("unexpected") for o in outcomes)
            conversations += sum(isinstance(outcome, Conversation) for outcome in outcomes)
    assert read > 1000
    assert conversations > 700


def test_flat_and_nested_trees_of_shared_logs_agree(data_dir: Path) -> None:
    found = {}
    for name in ("tree", "message"):
        path = str(data_dir / "logs" / "oasst" / f"en_100_{name}.jsonl")
        parsed = [outcome for _, outcomes in outcomes_of(path) for outcome in outcomes]
        found[name] = [outcome.messages for outcome in parsed if isinstance(outcome, Conversation)]

    assert found["tree"] == found["message"]
    assert len(found["tree"]) == 100


def test_flattened_trees_of_shared_logs_come_back(data_dir: Path) -> None:
    """Nested trees, taken apart into flat messages as Open-Assistant's data set has them, give the same."""
    for line in (data_dir / "logs" / "oasst" / "en_100_tree.jsonl").read_bytes().splitlines():
        tree = json.loads(line)
        flat, level = [], [tree["prompt"]]
        while level:
            flat += [{**node, "replies": None, "message_tree_id": tree["message_tree_id"]} for node in level]
            level = [reply for node in level for reply in node["replies"]]
        raws = [RawRecord(Position("flat", number), node) for number, node in enumerate(flat)]
        fragments = [o for raw in raws for o in parse_record(raw, ParseOptions()) if isinstance(o, Fragment)]
        (joined, *_) = assemble(fragments)

        assert isinstance(joined, Conversation)
        assert joined.messages == chats(tree)[0].messages


def test_langfuse_generations_match_the_expected_chats(data_dir: Path) -> None:
    """What Langfuse's own converter makes of an observation is what we read, where it succeeds on a generation."""
    compared = 0
    for expected_file in sorted((data_dir / "logs" / "langfuse").glob("*.chatml.json")):
        trace_file = expected_file.with_name(expected_file.name.replace(".chatml.", ".trace."))
        expected = json.loads(expected_file.read_bytes())
        ours = {chat.source_id: chat for chat in chats(json.loads(trace_file.read_bytes()))}
        for identity, sides in expected.items():
            halves = [sides.get("input", {}), sides.get("output", {})]
            if identity in ours and all(half.get("success") for half in halves):
                compared += 1
                wanted = [
                    (message["role"].replace("model", "assistant"), message["content"])
                    for half in halves
                    for message in half["data"]
                    if message.get("content") and message["role"] in ("system", "user", "assistant", "model")
                ]
                said = [(role, text) for role, text in texts(ours[identity]) if text and role != "tool"]
                # The converter calls Gemini's tool results user messages; we call them tools.
                assert set(said) <= set(wanted), identity
                assert said[-1] == wanted[-1]
    assert compared >= 3


def test_shared_logs_have_no_unknown_reasons(data_dir: Path) -> None:
    shapes = set()
    for path in expand([str(data_dir / "logs")]):
        for _, outcomes in outcomes_of(path):
            shapes |= {
                Path(path).name
                for outcome in outcomes
                if isinstance(outcome, Reject) and outcome.reason is RejectReason.UNKNOWN_SHAPE
            }

    assert shapes == {"capture-results.json"}
