"""Dialogues as lists of messages: as OpenAI's API writes them, and as ShareGPT's kin does."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from coachlm.context import ContextMessage, Role, ToolCall
from exports.shapes.dialogues import Dialogue, Said

Record = dict[str, Any]
_SPEAKERS = {Role.SYSTEM: "system", Role.USER: "human", Role.ASSISTANT: "gpt", Role.TOOL: "observation"}


def chat_messages(dialogue: Dialogue, *, is_strict: bool = False) -> list[Record]:
    """As OpenAI's chat completions take them. Calls are numbered anew; each result answers the oldest call that has
    none yet. `is_strict`: without keys that OpenAI's own schema doesn't know."""
    found: list[Record] = [{"role": "system", "content": dialogue.system}] if dialogue.system else []
    numbers = count(1)
    open_calls: list[str] = []
    for said in dialogue.said:
        message = said.message
        record: Record = {"role": message.role.value, "content": message.text}
        if message.calls:
            calls = list(_calls(message, numbers))
            open_calls += [call["id"] for call in calls]
            record["tool_calls"] = calls
        if message.role is Role.TOOL:
            record["tool_call_id"] = open_calls.pop(0) if open_calls else ""
        if message.name and not (is_strict and message.role is Role.TOOL):
            record["name"] = message.name
        if said.reasoning:
            record["reasoning_content"] = said.reasoning
        if said.weight is not None:
            record["weight"] = said.weight
        if said.is_edited is not None and not is_strict:
            record["edited"] = said.is_edited
        found.append(record)
    return found


def sharegpt_turns(said: Sequence[Said]) -> list[Record]:
    """As LLaMA-Factory and its kin take them: calls are turns of `function_call`, results of `observation`, one by one,
    because speakers have to take turns; reasoning stands in the answer as `<think>`."""
    found: list[Record] = []
    for each in _one_call_at_a_time(said):
        marks: Record = {} if each.weight is None else {"weight": each.weight}
        marks |= {} if each.is_edited is None else {"edited": each.is_edited}
        for call in each.message.calls:
            found.append({"from": "function_call", "value": _call_text(call)} | marks)
        if each.message.text or not each.message.calls:
            thought = f"<think>\n{each.reasoning}\n</think>\n\n" if each.reasoning else ""
            found.append({"from": _SPEAKERS[each.message.role], "value": thought + each.message.text} | marks)
    if found and found[0]["from"] in ("gpt", "function_call"):  # LLaMA-Factory skips what the user doesn't begin
        found.insert(0, {"from": "human", "value": ""})
    return found


def tool_definitions(names: Sequence[str]) -> str:
    """JSON of what is known of tools, which is their names."""
    nothing = {"type": "object", "properties": {}}
    tools = [{"type": "function", "function": {"name": name, "parameters": nothing}} for name in names]
    return json.dumps(tools, ensure_ascii=False)


def _one_call_at_a_time(said: Sequence[Said]) -> Iterator[Said]:
    """Calls that were made together, each before its own result."""
    place = 0
    while place < len(said):
        calls = said[place].message.calls
        results = said[place + 1 : place + 1 + len(calls)]
        if len(calls) > 1 and len(results) == len(calls) and all(each.message.role is Role.TOOL for each in results):
            first = said[place].message
            for number, (call, result) in enumerate(zip(calls, results, strict=True)):
                text = first.text if number == 0 else ""
                yield replace(said[place], message=ContextMessage(Role.ASSISTANT, text, (call,)))
                yield result
            place += 1 + len(calls)
        else:
            yield said[place]
            place += 1


def _call_text(call: ToolCall) -> str:
    return json.dumps({"name": call.name, "arguments": _decoded(call.arguments)}, ensure_ascii=False)


def _calls(message: ContextMessage, numbers: Iterator[int]) -> Iterator[Record]:
    for call in message.calls:
        function = {"name": call.name, "arguments": call.arguments}
        yield {"id": f"call_{next(numbers)}", "type": "function", "function": function}


def _decoded(arguments: str) -> Any:
    try:
        return json.loads(arguments) if arguments else {}
    except ValueError:
        return arguments
