"""The engine `openai` against a bare load generator: the same prompts to the same server, as many in flight.

The server answers 64 requests at once, each after a fixed time, so what is measured is what the engine adds: prompts,
parsing, hygiene, guards, bookkeeping. The two take turns and the medians are compared. `--quick` sends fewer prompts.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt
from coachlm.revision import Outcome
from reviser.pairs.finish import Finisher
from reviser.remote.reviser import RemoteOptions, RemoteReviser

IN_FLIGHT = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="640 prompts, once; within 40 s on 2 cores")
    parser.add_argument("--seconds", type=float, default=0.4, help="what a request takes the server")
    arguments = parser.parse_args()
    count, rounds = (640, 1) if arguments.quick else (3840, 3)
    pairs = [InstructionPair(f"Name river number {n}.", "", f"River number {n} is long.") for n in range(count)]
    bare: list[float] = []
    ours: list[float] = []
    with _server(arguments.seconds) as url:
        reviser = RemoteReviser(RemoteOptions((url,), "base", in_flight=IN_FLIGHT), Finisher("openai"))
        _engine(reviser, pairs[:IN_FLIGHT])  # connections are open for neither of them to pay
        for _ in range(rounds):
            bare.append(count / asyncio.run(_bare(url, pairs)))
            ours.append(count / _engine(reviser, pairs))
        reviser.close()
    one, other = statistics.median(ours), statistics.median(bare)
    print(f"server at most {IN_FLIGHT / arguments.seconds:.0f}/s, bare load {other:.1f}/s, engine {one:.1f}/s")
    print(json.dumps({"ratio_to_bare_load": round(one / other, 4), "engine_pairs_per_second": round(one, 1)}))


def _engine(reviser: RemoteReviser, pairs: Sequence[InstructionPair]) -> float:
    began = time.perf_counter()
    revisions = reviser.revise(pairs)
    seconds = time.perf_counter() - began
    if wrong := [each for each in revisions if each.outcome is Outcome.FALLBACK_ERROR]:
        sys.exit(f"{len(wrong)} pairs were not revised: {wrong[0].reason}")
    return seconds


async def _bare(url: str, pairs: Sequence[InstructionPair]) -> float:
    """Only sends and reads; seconds."""
    bodies = iter([{"model": "base", "max_tokens": 1024, "temperature": 0, "prompt": coach_prompt(p)} for p in pairs])
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=IN_FLIGHT)
    async with httpx.AsyncClient(timeout=60, limits=limits) as http:

        async def send() -> None:
            for body in bodies:
                (await http.post(f"{url}/completions", json=body)).raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(IN_FLIGHT)))
        return time.perf_counter() - began


@contextmanager
def _server(seconds: float) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "devtools.servers.completions", str(port), str(IN_FLIGHT), str(seconds)]
    process = subprocess.Popen(command)
    try:
        for _ in range(600):
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
