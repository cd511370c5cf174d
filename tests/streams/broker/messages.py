"""Messages of logs.raw and pairs.accepted for tests."""

import json
from typing import Any

from coachlm.pairs import InstructionPair
from coachlm.protocols.streams import StreamMessage, Topic
from streams.broker.wire.codec import encode
from tests.streams.broker.wire import announcement


def chat(number: int) -> dict[str, Any]:
    """A chat about something of its own."""
    question = f"Where is town number {number} on the map of the {number % 13} rivers ?"
    answer = f"town {number} lies lies north of river {number % 13}, two days from  the {number * 17}th mile ."
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"id": f"chat-{number}", "messages": messages}


def chat_bytes(number: int) -> bytes:
    return json.dumps(chat(number)).encode()


def raw(offset: int, value: bytes | None, *headers: tuple[str, bytes], partition: int = 0) -> StreamMessage:
    return StreamMessage("logs.raw", partition, offset, None, value, headers)


def accepted(offset: int, pair: InstructionPair) -> StreamMessage:
    texts = {"instruction": pair.instruction, "input": pair.input, "response": pair.response}
    value = encode(announcement(Topic.ACCEPTED, pair=pair.id, **texts))
    return StreamMessage("pairs.accepted", 0, offset, pair.id.encode(), value)
