"""Servers that write on a text: TGI and Hugging Face endpoints, watsonx, Titan, Llama and Mistral on Bedrock, AI21,
Cohere's generate, llama.cpp; and LangChain's results.

Source: TGI's API; IBM watsonx.ai, "Text generation"; AWS, "Inference request parameters and response fields";
llama.cpp's server README; LangChain's `LLMResult`.
"""

from collections.abc import Iterator
from typing import Any

from streams.reading.formats.messages.finishes import finish_of
from streams.reading.formats.messages.replies import LOST, Choice, Reply, read_choice, text_choice
from streams.reading.formats.messages.transcripts import unwrapped
from streams.reading.formats.parts.events import Events
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of, time_of

_LISTS = ("results", "outputs", "completions", "generations")
_TEXTS = ("generated_text", "outputText", "text", "generation")
_LLAMA_CPP = frozenset({"stop_type", "stopped_limit", "stopped_eos", "tokens_predicted"})
_LLAMA = frozenset({"stop_reason", "generation_token_count", "prompt_token_count"})


def recognises(body: Record) -> bool:
    if isinstance(body.get("generated_text"), str):
        return True
    if isinstance(body.get("generation"), str):
        return not body.keys().isdisjoint(_LLAMA)
    if isinstance(body.get("content"), str) and not body.keys().isdisjoint(_LLAMA_CPP):
        return True
    return any(isinstance(body.get(key), list) and any(_texts(body[key])) for key in _LISTS)


def read_reply(body: Record) -> Reply:
    items = next((body[key] for key in _LISTS if isinstance(body.get(key), list) and any(_texts(body[key]))), None)
    choices = [_choice(item, body) for item in _flat(items)] if items else [_choice(body, {})]
    created = time_of(body, "created_at", "created")
    model = name_of(body, "model_id", "model") or name_of(mapping(body.get("llm_output")), "model_name")
    return Reply(choices, [], name_of(body, "id"), model, created)


def is_event(event: Record) -> bool:
    if isinstance(mapping(event.get("token")).get("text"), str):
        return True
    return isinstance(event.get("content"), str) and isinstance(event.get("stop"), bool)


def join_events(events: Events) -> Record:
    """One body of all events; a stream without its end gets a finish reason that says so."""
    texts: list[str] = []
    last: Record = {}
    for event in events.items:
        token = mapping(event.get("token"))
        text = "" if token.get("special") else first_of(token, "text") or event.get("content")
        texts += [text] if isinstance(text, str) else []
        last = event
    whole = last.get("generated_text")
    ended = isinstance(whole, str) or last.get("stop") is True
    finish = finish_of(last) if ended and not events.damaged else LOST
    return {"generated_text": whole if isinstance(whole, str) else "".join(texts), "finish_reason": finish}


def _flat(items: list[Any]) -> Iterator[Record]:
    """The choices; LangChain has a list for each prompt."""
    for item in items:
        if isinstance(item, list):
            yield from (inner for inner in item if isinstance(inner, dict))
        elif isinstance(item, dict):
            yield item


def _texts(items: list[Any]) -> Iterator[bool]:
    for item in _flat(items):
        inner = mapping(item.get("data"))
        yield any(isinstance(found.get(key), str) for found in (item, inner) for key in _TEXTS) or "message" in item


def _choice(item: Record, around: Record) -> Choice:
    finish = finish_of(item) or finish_of(around)
    message = item.get("message")
    if isinstance(message, dict):
        return read_choice(unwrapped(message), finish, "generations[].message")
    text = first_of({**mapping(item.get("data")), **item}, *_TEXTS, "content")
    return text_choice(text if isinstance(text, str) else None, finish)
