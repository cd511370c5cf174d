"""Messages for logs.raw whose every pair carries a name of its own, in mixed formats, with poison among them.

A pair is found again by its name, whatever became of it; a poisonous message by its partition and offset.
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaProducer

_Producer: Any = KafkaProducer
_SYLLABLES = [f"{consonant}{vowel}" for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
_NAME_SYLLABLES = 5
_WORDS = """
apple garden morning river window letter market kitchen teacher winter village music bridge coffee forest ticket
pencil summer castle orange basket candle harbour island jacket ladder meadow needle paper quarter ribbon saddle
table umbrella valley wagon yellow anchor bottle circle dinner engine feather guitar hammer insect journey
kettle lantern mirror notebook ocean pillow quilt rabbit silver thunder uniform violin whistle blanket cottage
desert evening flower ground honey iron jungle kingdom lemon mountain neighbour office planet question river
season train under village weather young bright calm deep eager fresh gentle happy kind large modern narrow open
plain quiet round simple tall useful warm carry build follow gather listen measure notice plant repeat search
travel visit
""".split()  # noqa: SIM905 - a list of 120 literals is no easier to read
_SENTENCES = (
    "You can look for the {} near the old {}, but it is often in the {} or behind the {}.",
    "If there is a {}, then go to the {} and ask them about their {} and the {}.",
    "It was not the {} that we had in the {}, so take your {} with you for the {}.",
    "Most of them have a {} from the {}, which is why the {} has to be with the {}.",
    "When all of the {} is in the {}, they will be at the {} until the {} is there.",
    "I would not do this to a {} or to the {}, since that is what the {} and the {} are for.",
)
POISON_SHARE = 0.01
MARK_INTAKE = "unparseabletoken"
"""A record with this word in it makes intake raise, in workers that inject faults."""
MARK_REVISE = "unrevisabletoken"
"""A pair with this word in it makes the reviser's stage raise, in workers that inject faults."""


@dataclass(slots=True)
class Load:
    """What was sent, and what it has to come to."""

    names: set[str] = field(default_factory=set)  # of pairs that have to be in the database
    unrevisable: set[str] = field(default_factory=set)  # those of them whose revision can't succeed
    poison: set[tuple[int, int]] = field(default_factory=set)  # partition and offset of messages that have to be dead
    messages: int = 0
    started: float = 0.0  # time.monotonic() of the first, all having been made before


def name_of(number: int) -> str:
    """A word of its own for every number."""
    syllables = []
    for _ in range(_NAME_SYLLABLES):
        number, digit = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[digit])
    return "".join(syllables).capitalize()


def good_message(number: int, shuffle: random.Random) -> bytes:
    """A record of one of ten formats with one pair."""
    asked, answer = _texts(name_of(number), shuffle)
    return _FORMATS[number % len(_FORMATS)](asked, answer, number)


def bad_message(number: int, shuffle: random.Random) -> bytes | None:
    """What no format can read, and what makes a stage of intake fail."""
    return _POISON[number % len(_POISON)](good_message(number, shuffle))


def unrevisable_message(number: int, shuffle: random.Random) -> bytes:
    """A good record whose pair the reviser's stage can't do."""
    asked, answer = _texts(name_of(number), shuffle)
    return _alpaca(f"{asked} {MARK_REVISE}", answer, number)


def send_load(servers: str, topic: str, messages: int, *, poison: bool = True, seed: int = 0, first: int = 0) -> Load:
    """Sends so many messages, 1 % of them poison and one in a thousand unrevisable, and waits until all are held.

    Loads for one database need a `seed` and numbers from `first` on of their own: others hold near copies.

    Raises: KafkaError, when one can't be delivered.
    """
    load = Load(messages=messages)
    made = list(_messages(range(first, first + messages), poison, load, random.Random(seed)))
    producer = _Producer(
        bootstrap_servers=servers.split(","),
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=20,
        batch_size=256_000,
        max_block_ms=60_000,
        delivery_timeout_ms=120_000,
    )
    poisonous = []
    load.started = time.monotonic()
    try:
        for number, value, is_poison in made:
            future = producer.send(topic, value=value, key=b"" if value is None else None)
            if is_poison:
                poisonous.append(future)
            if number % 5_000 == 0:
                producer.flush()
        producer.flush()
        load.poison = {(sent.partition, sent.offset) for sent in (future.get(60) for future in poisonous)}
    finally:
        producer.close()
    return load


def _messages(
    numbers: Iterable[int], poison: bool, load: Load, shuffle: random.Random
) -> Iterator[tuple[int, bytes | None, bool]]:
    for number in numbers:
        chance = shuffle.random()
        if poison and chance < POISON_SHARE:
            yield number, bad_message(number, shuffle), True
            continue
        load.names.add(name_of(number))
        if poison and chance < POISON_SHARE * 1.1:
            load.unrevisable.add(name_of(number))
            yield number, unrevisable_message(number, shuffle), False
        else:
            yield number, good_message(number, shuffle), False


def _texts(name: str, shuffle: random.Random) -> tuple[str, str]:
    """Plain English as to its small words, and no two pairs near copies."""
    thing, place, other, season = shuffle.sample(_WORDS, k=4)
    asked = f"Tell {name} how to find the {thing} in the {place}, and what to do with a {other} when it is {season}."
    sentences = [_SENTENCES[number].format(*shuffle.sample(_WORDS, k=4)) for number in shuffle.sample(range(6), k=4)]
    return asked, " ".join(sentences)


def _alpaca(asked: str, answer: str, number: int) -> bytes:
    return _json({"instruction": asked, "input": "", "output": answer})


def _chat(asked: str, answer: str, number: int) -> bytes:
    return _json({"messages": [_said("user", asked), _said("assistant", answer)]})


def _sharegpt(asked: str, answer: str, number: int) -> bytes:
    turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
    return _json({"id": f"s{number}", "conversations": turns})


def _openai_chat(asked: str, answer: str, number: int) -> bytes:
    return _json({"id": f"log-{number}", "request": _request(asked), "response": _completion(answer, number)})


def _anthropic(asked: str, answer: str, number: int) -> bytes:
    response = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    return _json({"request": _request(asked), "response": {**response, "content": [{"type": "text", "text": answer}]}})


def _ollama(asked: str, answer: str, number: int) -> bytes:
    response = {"model": "m", "message": _said("assistant", answer), "done": True, "done_reason": "stop"}
    return _json({"request": _request(asked), "response": response})


def _litellm(asked: str, answer: str, number: int) -> bytes:
    call = {"id": f"call-{number}", "call_type": "acompletion", "status": "success", "model": "m"}
    return _json({**call, "messages": [_said("user", asked)], "response": _completion(answer, number)})


def _langfuse(asked: str, answer: str, number: int) -> bytes:
    observation = {"id": f"obs-{number}", "type": "GENERATION", "level": "DEFAULT", "provided_model_name": "m"}
    asked_json, answer_json = json.dumps([_said("user", asked)]), json.dumps(_said("assistant", answer))
    return _json({**observation, "input": asked_json, "output": answer_json})


def _otlp(asked: str, answer: str, number: int) -> bytes:
    given = [{"role": "user", "parts": [{"type": "text", "content": asked}]}]
    made = [{"role": "assistant", "parts": [{"type": "text", "content": answer}], "finish_reason": "stop"}]
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps(given)}},
        {"key": "gen_ai.output.messages", "value": {"stringValue": json.dumps(made)}},
    ]
    span = {"name": "call", "spanId": f"{number:016x}", "traceId": f"{number:032x}", "attributes": attributes}
    return _json({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def _batch(asked: str, answer: str, number: int) -> bytes:
    """Both halves, on a line each."""
    request = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": _request(asked)}
    response = {"status_code": 200, "body": _completion(answer, number)}
    return _json(request) + b"\n" + _json({"id": f"b{number}", "custom_id": f"c{number}", "response": response})


def _request(asked: str) -> dict[str, Any]:
    return {"model": "m", "messages": [_said("user", asked)]}


def _completion(answer: str, number: int) -> dict[str, Any]:
    choice = {"index": 0, "message": _said("assistant", answer), "finish_reason": "stop"}
    return {"id": f"chatcmpl-{number}", "object": "chat.completion", "model": "m", "choices": [choice]}


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


_FORMATS: tuple[Callable[[str, str, int], bytes], ...] = (
    _alpaca,
    _chat,
    _sharegpt,
    _openai_chat,
    _anthropic,
    _ollama,
    _litellm,
    _langfuse,
    _otlp,
    _batch,
)
_POISON: tuple[Callable[[bytes], bytes | None], ...] = (
    lambda good: good[: len(good) // 2],  # cut off on the way
    lambda good: b"\xff\xfe" + good[::-1],  # not text
    lambda good: b'{"temperature": 21, "place": "roof"}',  # no log of a model
    lambda good: None,  # a tombstone
    lambda good: b"<html>Bad gateway</html>",
    lambda good: _json({"custom_id": "alone", "url": "/v1/chat/completions", "body": _request("Who answers?")}),
    lambda good: _alpaca(f"Read {MARK_INTAKE} aloud.", "It can't be read.", 0),  # a stage raises on it
)
