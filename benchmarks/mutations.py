"""100,000 damaged records through all of intake: none may raise, each must be accounted for.

The records are those of the bundled sample logs, damaged in their bytes (flipped, cut, repeated, spliced, NULs, lone
surrogates) or in their values (keys dropped, renamed, retyped, nested, swapped with other records').
"""

import argparse
import copy
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

import coachlm
from coachlm.pairs import Position
from coachlm.settings import load_settings
from streams.reading.sources import expand, read_source
from streams.reading.sources.records import ParseOptions, RawRecord
from streams.reading.stages import Extract, IntakeStages

SAMPLES = Path(coachlm.__file__).parent / "data" / "sample_logs"
BATCH = 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 records; within 50 s")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    wanted = 20_000 if arguments.quick else 100_000
    samples = list(_samples())
    chance = random.Random(arguments.seed)
    stages = IntakeStages(load_settings(), ParseOptions(), b"salt")
    outcomes: Counter[str] = Counter()
    uncaught = unaccounted = 0
    start = time.process_time()
    for first in range(0, wanted, BATCH):
        batch = [RawRecord(Position("m", first + n), _damaged(samples, chance)) for n in range(BATCH)]
        try:
            extract = stages.process(batch)
        except Exception as error:  # noqa: BLE001 - counting these is the purpose
            uncaught += 1
            print(f"batch at {first}, seed {arguments.seed}: {type(error).__name__}: {error}")
            continue
        unaccounted += len({record.position.record for record in batch} - _accounted(extract))
        outcomes.update({"pairs": len(extract.pairs), "fragments": len(extract.fragments)})
        outcomes.update(reject.reason.value for reject in extract.rejects)
    seconds = time.process_time() - start
    for name, count in outcomes.most_common():
        print(f"{name:20}{count:9,}")
    print(f"{wanted / seconds:,.0f} records per CPU-second")
    print(json.dumps({"records": wanted, "uncaught": uncaught, "unaccounted": unaccounted}))


def _samples() -> Iterator[bytes]:
    for path in expand([str(SAMPLES)]):
        for record in read_source(path, ParseOptions()):
            if isinstance(record, RawRecord):
                yield record.data if isinstance(record.data, bytes) else orjson.dumps(record.data, default=str)


def _accounted(extract: Extract) -> set[int]:
    places = [item.sourced.provenance.position for item in extract.pairs]
    places += [reject.position for reject in extract.rejects]
    return {place.record for place in places} | {fragment.position.record for fragment in extract.fragments}


def _damaged(samples: list[bytes], chance: random.Random) -> bytes | Any:
    data = chance.choice(samples)
    if chance.random() < 0.5:
        for _ in range(chance.randint(1, 4)):
            data = chance.choice(_BYTE_DAMAGES)(data, samples, chance)
        return data
    try:
        value = json.loads(data)
    except ValueError:
        return data
    for _ in range(chance.randint(1, 4)):
        _damage_value(value, samples, chance)
    # Half as an object, the way tables, arrays and YAML hand their records over.
    return value if chance.random() < 0.5 else json.dumps(value).encode()


def _flip(data: bytes, _: list[bytes], chance: random.Random) -> bytes:
    place = chance.randrange(len(data) or 1)
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


def _cut(data: bytes, _: list[bytes], chance: random.Random) -> bytes:
    start, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
    return data[:start] + data[end:]


def _repeat(data: bytes, _: list[bytes], chance: random.Random) -> bytes:
    start, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
    return data[:end] + data[start:end] * chance.randint(1, 5) + data[end:]


def _splice(data: bytes, samples: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(samples)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other)) :]


def _insert(data: bytes, _: list[bytes], chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(_ODD_BYTES) + data[place:]


_ODD_BYTES = (
    b"\x00",
    b"\\u0000",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\xff\xfe",
    b"[" * 2000,
    b'{"a":' * 600,
    b"9" * 5000,
    b"NaN",
    b"\xe2\x80\xae",
    b'"',
    b"\\",
    b"1e999",
    b"<|endoftext|>",
    b"@" * 3000,
    b"sk-" * 900,
)
ByteDamage = Callable[[bytes, list[bytes], random.Random], bytes]
_BYTE_DAMAGES: tuple[ByteDamage, ...] = (_flip, _cut, _repeat, _splice, _insert)

_ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**40,
    1e308,
    "",
    " ",
    "\x00",
    "\ud800",
    [],
    {},
    [[]],
    [None],
    {"": None},
    ["a"] * 50,
    "x" * 5000,
    {"role": "user"},
    {"type": "text"},
    "stop",
    "2026-13-45T99:99",
    float("nan"),
    b"bytes".decode(),
    "{" * 300,
)


def _damage_value(value: Any, samples: list[bytes], chance: random.Random) -> None:
    """Change one place in the tree, in place."""
    node = value
    while isinstance(node, dict | list) and node:
        key = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
        child = node[key]
        if not isinstance(child, dict | list) or not child or chance.random() < 0.3:
            _change(node, key, samples, chance)
            return
        node = child


def _change(node: Any, key: Any, samples: list[bytes], chance: random.Random) -> None:
    action = chance.randrange(5)
    if action == 0:
        del node[key]
    elif action == 1:
        node[key] = copy.deepcopy(chance.choice(_ODD_VALUES))
    elif action == 2:
        node[key] = [node[key]] if chance.random() < 0.5 else {"value": node[key]}
    elif action == 3 and isinstance(node, dict):
        node[chance.choice(("content", "messages", "role", "output", "id", "choices", "type"))] = node.pop(key)
    else:
        try:
            node[key] = json.loads(chance.choice(samples))
        except ValueError:
            node[key] = "{"


if __name__ == "__main__":
    main()
