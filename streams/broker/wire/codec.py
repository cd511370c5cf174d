"""The wire format of pairs.accepted, pairs.revised, pairs.excluded and pairs.dead: JSON objects that name their schema
and its version beside the body's fields.

Within a version fields are only added: readers ignore those they don't know. A change that readers must know of raises
the version and brings an upgrade from the one before; messages of newer versions are refused, to be replayed once the
program was updated. docs/schemas holds the JSON Schemas.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, InstanceOf, ValidationError

from coachlm.context import context_from_record
from coachlm.pairs import InstructionPair
from coachlm.protocols.streams import Announcement, DeadReason, Topic

Text = InstanceOf[str]
"""Any text, lone surrogates too, which pydantic's own `str` refuses."""

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""From the body of a version to that of the next one."""


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Origin(_Body):
    """Where a pair came from."""

    format: Text
    source: Text
    record: int
    part: int
    model: Text | None = None
    language: Text | None = None
    timestamp: Text | None = None


class Call(_Body):
    """A call of a tool."""

    name: Text
    arguments: Text = ""


class Said(_Body):
    """A message of a context."""

    role: Literal["system", "user", "assistant", "tool"]
    text: Text = ""
    calls: list[Call] = []
    name: Text = ""


class SaidBefore(_Body):
    """What a pair was said in; `steps` led from its question to its answer."""

    system: Text = ""
    messages: list[Said] = []
    steps: list[Said] = []
    tools: list[Text] = []
    documents: list[Text] = []


class AcceptedPair(_Body):
    """A pair that waits for the coach."""

    pair: Text
    instruction: Text
    input: Text
    response: Text
    task_class: Text | None = None
    provenance: Origin | None = None
    context: SaidBefore | None = None
    conversation: Text | None = None
    turn: int | None = None

    def as_pair(self) -> InstructionPair:
        context = None if self.context is None else context_from_record(self.context.model_dump())
        return InstructionPair(self.instruction, self.input, self.response, context or None)


class RevisedPair(_Body):
    """What the coach made of a pair; the raw texts where it changed nothing."""

    pair: Text
    instruction: Text
    input: Text
    response: Text
    outcome: Text
    engine: Text
    adapter: Text | None = None
    reason: Text | None = None
    flags: list[dict[str, Any]] = []
    prompt_tokens: int = 0
    output_tokens: int = 0


class ExcludedPair(_Body):
    """A pair that intake or a person excluded."""

    pair: Text
    reason: Text
    detail: Text = ""


class DeadNotice(_Body):
    """News of a dead letter; its bytes are in the database."""

    dead_letter: int
    topic: Text
    partition: int
    offset: int
    reason: Text
    error: Text
    tries: int


Value = AcceptedPair | RevisedPair | ExcludedPair | DeadNotice


@dataclass(frozen=True, slots=True)
class Schema:
    """A topic's current version; `upgrades[n - 1]` takes a body of version n to version n + 1."""

    body: type[Value]
    version: int = 1
    upgrades: tuple[Upgrade, ...] = ()


SCHEMAS: Mapping[Topic, Schema] = {
    Topic.ACCEPTED: Schema(AcceptedPair),
    Topic.REVISED: Schema(RevisedPair),
    Topic.EXCLUDED: Schema(ExcludedPair),
    Topic.DEAD: Schema(DeadNotice),
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why bytes are no value of their topic; `error` never holds their text."""

    reason: DeadReason
    error: str


def encode(announcement: Announcement, schemas: Mapping[Topic, Schema] = SCHEMAS) -> bytes:
    """UTF-8 JSON; texts that UTF-8 can't hold (lone surrogates) are written as escapes."""
    version = schemas[announcement.topic].version
    message = {"schema": announcement.topic.value, "version": version, **announcement.body}
    try:
        return orjson.dumps(message)
    except TypeError:
        return json.dumps(message, separators=(",", ":")).encode()


def decode(topic: Topic, data: bytes | None, schemas: Mapping[Topic, Schema] = SCHEMAS) -> Value | Refused:
    """What `encode` wrote, by this program or an older one; never raises."""
    message = _loads(data) if data else None
    if not isinstance(message, dict):
        return Refused(DeadReason.WRONG_SCHEMA, "not a JSON object")
    version = message.get("version")
    if message.get("schema") != topic.value or type(version) is not int or version < 1:
        return Refused(DeadReason.WRONG_SCHEMA, f"not a message of schema {topic.value}")
    schema = schemas[topic]
    if version > schema.version:
        return Refused(
            DeadReason.NEWER_VERSION,
            f"schema {topic.value}, version {version}; this program reads up to version {schema.version}: "
            "update it, then replay the dead letter",
        )
    return _validated(topic, schema, message, version)


def json_schema(topic: Topic) -> dict[str, Any]:
    """The JSON Schema of a topic's messages, in their current version."""
    schema = SCHEMAS[topic]
    body = schema.body.model_json_schema()
    envelope = {"schema": {"const": topic.value}, "version": {"const": schema.version}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **body,
        "title": topic.value,
        "properties": envelope | body["properties"],
        "required": ["schema", "version", *body["required"]],
    }


def _validated(topic: Topic, schema: Schema, message: dict[str, Any], version: int) -> Value | Refused:
    try:
        for upgrade in schema.upgrades[version - 1 :]:
            message = upgrade(message)
        value = schema.body.model_validate(message)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        return Refused(DeadReason.WRONG_SCHEMA, f"schema {topic.value}, field {field}: {first['msg']}")
    except (KeyError, TypeError, ValueError, AttributeError):
        return Refused(DeadReason.WRONG_SCHEMA, f"schema {topic.value}: not the fields of version {version}")
    if isinstance(value, AcceptedPair) and value.pair != value.as_pair().id:
        return Refused(DeadReason.WRONG_SCHEMA, f"schema {topic.value}: `pair` is not the id of the texts")
    return value


def _loads(data: bytes) -> Any:
    """None for what is no JSON. orjson refuses escapes of lone surrogates, the standard library doesn't."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    if b"\\u" not in data:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
