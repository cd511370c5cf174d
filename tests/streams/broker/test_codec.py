"""The wire format: what was written is read, by newer programs too, and garbage is refused with words."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.context import Context, ContextMessage, Role, ToolCall, context_record
from coachlm.pairs import InstructionPair
from coachlm.protocols.streams import DeadReason, Topic
from streams.broker.wire.codec import SCHEMAS, AcceptedPair, DeadNotice, Refused, Schema, decode, encode, json_schema
from tests.streams.broker.wire import PAIR, VERSION_1, announcement

PUBLISHED = Path(__file__).parents[3] / "docs" / "schemas"
any_text = st.text(st.characters(), max_size=40)  # lone surrogates and NUL included


def refused(topic: Topic, data: bytes | None) -> Refused:
    value = decode(topic, data)
    assert isinstance(value, Refused)
    return value


@pytest.mark.parametrize("topic", SCHEMAS)
def test_what_was_encoded_is_decoded(topic: Topic) -> None:
    sent = announcement(topic)
    value = decode(topic, encode(sent))
    assert not isinstance(value, Refused)
    assert value.model_dump() == sent.body


def test_a_pair_travels_in_its_context() -> None:
    call = ContextMessage(Role.ASSISTANT, "", (ToolCall("clock", "{}"),))
    said = (ContextMessage(Role.USER, "Hello"), ContextMessage(Role.ASSISTANT, "Hi"))
    context = Context("Be brief.", said, (call, ContextMessage(Role.TOOL, "14:05")), ("clock",))
    pair = InstructionPair("Time?", "", "Two.", context)
    texts = {"instruction": "Time?", "input": "", "response": "Two."}
    value = decode(
        Topic.ACCEPTED, encode(announcement(Topic.ACCEPTED, pair=pair.id, context=context_record(context), **texts))
    )
    assert isinstance(value, AcceptedPair)
    assert value.as_pair().context == context


@given(any_text, any_text, any_text)
def test_any_text_survives(instruction: str, input: str, response: str) -> None:
    pair = InstructionPair(instruction, input, response)
    sent = announcement(Topic.ACCEPTED, pair=pair.id, instruction=instruction, input=input, response=response)
    value = decode(Topic.ACCEPTED, encode(sent))
    assert isinstance(value, AcceptedPair)
    assert value.as_pair() == pair
    assert value.pair == pair.id


def test_surrogates_and_nul_survive() -> None:
    pair = InstructionPair("a\ud800b", "\0", "\udfff\0 \U0001f600")
    texts = {"instruction": pair.instruction, "input": pair.input, "response": pair.response}
    value = decode(Topic.ACCEPTED, encode(announcement(Topic.ACCEPTED, pair=pair.id, **texts)))
    assert isinstance(value, AcceptedPair)
    assert value.as_pair() == pair


@given(st.sampled_from(list(SCHEMAS)), st.binary(max_size=60) | st.none())
def test_garbage_is_refused(topic: Topic, data: bytes | None) -> None:
    assert refused(topic, data).reason is DeadReason.WRONG_SCHEMA


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(list(SCHEMAS)), st.data())
def test_a_field_of_any_other_type_never_raises(topic: Topic, data: st.DataObject) -> None:
    body = {"schema": topic.value, "version": 1, **announcement(topic).body}
    field = data.draw(st.sampled_from(sorted(body)))
    value = decode(topic, json.dumps({**body, field: data.draw(json_values)}).encode())
    if isinstance(value, Refused):
        assert value.reason in (DeadReason.WRONG_SCHEMA, DeadReason.NEWER_VERSION)


def test_a_refusal_names_the_field_and_not_its_text() -> None:
    sent = announcement(Topic.ACCEPTED, response=["secret words"])
    refusal = refused(Topic.ACCEPTED, encode(sent))
    assert "response" in refusal.error
    assert "secret" not in refusal.error


def test_texts_that_are_not_the_pairs_are_refused() -> None:
    refusal = refused(Topic.ACCEPTED, encode(announcement(Topic.ACCEPTED, response="something else")))
    assert refusal.reason is DeadReason.WRONG_SCHEMA


def test_another_topics_message_is_refused() -> None:
    assert refused(Topic.ACCEPTED, encode(announcement(Topic.EXCLUDED))).reason is DeadReason.WRONG_SCHEMA


def test_fields_of_a_later_program_are_ignored() -> None:
    value = decode(Topic.DEAD, encode(announcement(Topic.DEAD, shift="night", more={"a": [1]})))
    assert isinstance(value, DeadNotice)
    assert value.offset == 17


def test_a_newer_version_is_refused_with_what_to_do() -> None:
    data = encode(announcement(Topic.ACCEPTED)).replace(b'"version":1', b'"version":2')
    refusal = refused(Topic.ACCEPTED, data)
    assert refusal.reason is DeadReason.NEWER_VERSION
    assert "version 2" in refusal.error
    assert "update" in refusal.error


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None])
def test_what_is_no_version_is_refused(version: Any) -> None:
    body = {**announcement(Topic.DEAD).body, "schema": "pairs.dead", "version": version}
    assert refused(Topic.DEAD, json.dumps(body).encode()).reason is DeadReason.WRONG_SCHEMA


@pytest.mark.parametrize(("topic", "data"), VERSION_1.items())
def test_bytes_of_version_1_are_read_for_ever(topic: Topic, data: bytes) -> None:
    value = decode(topic, data)
    assert isinstance(value, AcceptedPair)
    assert value.as_pair() == PAIR


def test_a_program_of_version_3_reads_what_an_older_producer_wrote() -> None:
    def named_question(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "question": body["instruction"]}

    def named_instruction(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "instruction": body["question"], "task_class": "creative"}

    newer = {Topic.ACCEPTED: Schema(AcceptedPair, 3, (named_question, named_instruction))}
    value = decode(Topic.ACCEPTED, VERSION_1[Topic.ACCEPTED], newer)
    assert isinstance(value, AcceptedPair)
    assert value.task_class == "creative"
    current = encode(announcement(Topic.ACCEPTED), newer)
    value = decode(Topic.ACCEPTED, current, newer)
    assert isinstance(value, AcceptedPair)
    assert value.task_class == "qa"  # no upgrade touched it


def test_an_upgrade_that_misses_a_field_refuses() -> None:
    schemas = {Topic.ACCEPTED: replace(SCHEMAS[Topic.ACCEPTED], version=2, upgrades=(lambda body: {"x": body["y"]},))}
    value = decode(Topic.ACCEPTED, VERSION_1[Topic.ACCEPTED], schemas)
    assert isinstance(value, Refused)
    assert "version 1" in value.error


@pytest.mark.parametrize("topic", SCHEMAS)
def test_encoded_messages_suit_the_published_schema(topic: Topic) -> None:
    schema = json.loads((PUBLISHED / f"{topic}.json").read_text())
    assert schema == json_schema(topic), f"write docs/schemas/{topic}.json anew: coachlm stream schemas {topic}"
    jsonschema.Draft202012Validator.check_schema(schema)
    message = json.loads(encode(announcement(topic)))
    jsonschema.validate(message, schema)
    for field in schema["required"]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({name: value for name, value in message.items() if name != field}, schema)
