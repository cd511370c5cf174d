"""A pair in its context as a list of messages: as OpenAI's API writes them, and as ShareGPT's kin does."""

import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from coachlm.context import Context, ContextMessage, Role
from coachlm.pairs import InstructionPair
from coachlm.text.user_text import join_user_text

Record = dict[str, Any]
_NOTHING = Context()
_SPEAKERS = {Role.SYSTEM: "system", Role.USER: "human", Role.ASSISTANT: "gpt", Role.TOOL: "observation"}


def spoken(pair: InstructionPair) -> list[ContextMessage]:
    """All messages but the system prompt, in order, the pair's own last."""
    context = pair.context or _NOTHING
    question = ContextMessage(Role.USER, join_user_text(pair.instruction, pair.input))
    return [*context.messages, question, *context.steps, ContextMessage(Role.ASSISTANT, pair.response)]


def system_prompt(pair: InstructionPair) -> str:
    return (pair.context or _NOTHING).system


def chat_messages(system: str, messages: Sequence[ContextMessage]) -> list[Record]:
    """As OpenAI's chat completions take them. Calls are numbered anew; each result answers the oldest call that has
    none yet."""
    found: list[Record] = [{"role": "system", "content": system}] if system else []
    numbers = count(1)
    open_calls: list[str] = []
    for message in messages:
        record: Record = {"role": message.role.value, "content": message.text}
        if message.calls:
            calls = list(_calls(message, numbers))
            open_calls += [call["id"] for call in calls]
            record["tool_calls"] = calls
        if message.role is Role.TOOL:
            record["tool_call_id"] = open_calls.pop(0) if open_calls else ""
        if message.name:
            record["name"] = message.name
        found.append(record)
    return found


def sharegpt_turns(messages: Sequence[ContextMessage]) -> list[Record]:
    """As LLaMA-Factory and its kin take them: calls are turns of `function_call`, results of `observation`."""
    found: list[Record] = []
    for message in messages:
        for call in message.calls:
            value = json.dumps({"name": call.name, "arguments": _decoded(call.arguments)}, ensure_ascii=False)
            found.append({"from": "function_call", "value": value})
        if message.text or not message.calls:
            found.append({"from": _SPEAKERS[message.role], "value": message.text})
    return found


def _calls(message: ContextMessage, numbers: Iterator[int]) -> Iterator[Record]:
    for call in message.calls:
        function = {"name": call.name, "arguments": call.arguments}
        yield {"id": f"call_{next(numbers)}", "type": "function", "function": function}


def _decoded(arguments: str) -> Any:
    try:
        return json.loads(arguments) if arguments else {}
    except ValueError:
        return arguments
