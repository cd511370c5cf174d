"""The engine `openai`: coach prompts to OpenAI-compatible servers, many at once, none lost to their failures.

A request is tried again, with growing waits and on another server where there is one, until the call's time for outages
is over; then the whole call fails and its pairs stay as they were. Only what is wrong with a pair itself becomes a
fallback revision.
"""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from coachlm.coaching.prompting import PAPER, Prompting
from coachlm.errors import EngineError, ModelError, SettingsError
from coachlm.machine.waiting import Backoff
from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt
from coachlm.revision import Outcome, Revision
from reviser.pairs.finish import Finisher, Usage, WithFinisher
from reviser.remote.adapters import adapter_name, load_adapter, unload_adapter
from reviser.remote.completions import (
    Completion,
    CredentialsError,
    Endpoint,
    MissingModelError,
    PassingError,
    Refusal,
    complete,
)
from reviser.remote.servers import ServerPool

log = logging.getLogger(__name__)
T = TypeVar("T")
_POLL_SECONDS = 0.02  # how soon a request that found all servers busy looks again
_LONGEST_WAIT_SECONDS = 30.0
_HARMFUL_TRIES = (
    10  # failures of one request, and twice as many successes of others meanwhile, that put the blame on it
)


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """Whom to ask and how hard."""

    servers: tuple[str, ...]  # base URLs with their version, e.g. http://10.0.0.7:8000/v1
    model: str
    api_key: str = ""
    endpoint: Endpoint = "completions"
    in_flight: int = 64  # requests at once, a server each
    max_new_tokens: int = 1024
    request_seconds: float = 120.0  # deadline of one request
    outage_seconds: float = 300.0  # how long a call goes on trying while requests fail
    prompting: Prompting = PAPER  # as the adapter was trained
    first_wait_seconds: float = 0.5  # doubled with each try of a request, with jitter

    def __post_init__(self) -> None:
        """Raises: SettingsError."""
        if not self.servers or not self.model:
            raise SettingsError("COACHLM_ENGINE=openai needs COACHLM_OPENAI_SERVERS and COACHLM_MODEL, the name there")
        for server in self.servers:
            if not server.startswith(("http://", "https://")):
                raise SettingsError(f"COACHLM_OPENAI_SERVERS: {server!r} must start with http:// or https://")

    def __repr__(self) -> str:
        return f"RemoteOptions({self.servers!r}, {self.model!r})"  # never the key


class RemoteReviser(WithFinisher):
    """Implements `coachlm.protocols.revising.Reviser`; safe to share between threads."""

    def __init__(self, options: RemoteOptions, finisher: Finisher, adapter_folder: Path | None = None) -> None:
        """Raises: ModelError, when no server takes the adapter or none can be reached."""
        self._options = options
        self._backoff = Backoff(options.first_wait_seconds, _LONGEST_WAIT_SECONDS)
        self._finisher = finisher
        self._adapter_folder = adapter_folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="openai-engine", daemon=True)
        self._thread.start()
        self._http = self._run(self._open())
        self._pool = ServerPool(options.servers, in_flight=options.in_flight)
        self._closed = False
        try:
            self._run(self._load_everywhere())
        except BaseException:
            self.close()
            raise

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        """Raises: EngineError, when servers stayed away for `outage_seconds`, or refuse key or model."""
        if self._closed:
            raise EngineError("the engine is closed")
        began = time.perf_counter()
        revisions = self._run(self._revise_all(pairs))
        seconds = (time.perf_counter() - began) / max(len(pairs), 1)
        return [replace(revision, seconds=seconds) for revision in revisions]

    def close(self) -> None:
        """Unload the adapter where it was loaded; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        try:
            self._run(self._leave())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> httpx.AsyncClient:
        options = self._options
        key = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=options.in_flight * len(options.servers))
        return httpx.AsyncClient(
            headers=key, timeout=httpx.Timeout(options.request_seconds, connect=5.0), limits=limits
        )

    async def _leave(self) -> None:
        if self._adapter_folder is not None and self.adapter is not None:
            for url in self._pool.urls:
                await unload_adapter(self._http, url, self.adapter)
        await self._http.aclose()
        await asyncio.sleep(0.01)  # transports finish closing in the loop's next rounds

    async def _load_everywhere(self) -> None:
        """On every server that is there; one that comes later gets it when it is asked first."""
        if self._adapter_folder is None:
            return
        loaded, away = 0, ""
        for url in self._pool.urls:
            try:
                await self._load(url)
                loaded += 1
            except PassingError as failure:
                away = str(failure)
        if not loaded:
            raise ModelError(f"no server could be reached to load adapter {self.adapter}: {away}")

    async def _load(self, url: str) -> None:
        if self._adapter_folder is not None and self.adapter is not None:
            await load_adapter(self._http, url, self.adapter, self._adapter_folder)

    async def _revise_all(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        gate = asyncio.Semaphore(self._pool.capacity)
        tasks = [asyncio.ensure_future(self._revise_one(pair, gate)) for pair in pairs]
        try:
            return list(await asyncio.gather(*tasks))
        except (PassingError, MissingModelError, CredentialsError) as error:
            raise EngineError(f"the servers revise nothing: {error}; {_remedy(error)}") from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _revise_one(self, raw: InstructionPair, gate: asyncio.Semaphore) -> Revision:
        if self._finisher.leaks(raw):
            return self._finisher.fallback(raw, Outcome.LEAK_GUARD, "in_training_data")
        # A server that chats puts its own template around the prompt.
        prompt = coach_prompt(raw) if self._options.endpoint == "chat" else self._options.prompting.text(raw)
        try:
            prompt.encode()
        except UnicodeEncodeError:
            return self._finisher.fallback(raw, Outcome.FALLBACK_ERROR, "not_tokenisable")
        async with gate:
            answer = await self._ask(prompt)
        usage = Usage(answer.prompt_tokens, answer.output_tokens)
        match answer.refusal:
            case None:
                return self._finisher.from_text(raw, answer.text, usage)
            case Refusal.UNFINISHED | Refusal.MALFORMED:
                return self._finisher.fallback(raw, Outcome.FALLBACK_INVALID, answer.refusal.value, usage)
            case Refusal.REJECTED | Refusal.HARMFUL:
                return self._finisher.fallback(raw, Outcome.FALLBACK_ERROR, answer.refusal.value, usage)

    async def _ask(self, prompt: str) -> Completion:
        """Tries until it succeeds or the time for outages is over; one that fails where others succeed is refused.

        Raises: PassingError, MissingModelError, CredentialsError.
        """
        give_up_at = time.monotonic() + self._options.outage_seconds
        attempt, successes = 0, self._pool.successes
        last = PassingError("all servers are paused after failures")
        while True:
            server = self._pool.take()
            if server is None:
                wait = _POLL_SECONDS * random.uniform(1, 3)  # noqa: S311  # no secret
            else:
                try:
                    return await self._try(server, prompt)
                except PassingError as failure:
                    last = failure
                    wait = self._backoff.spread_seconds(attempt + 1, failure.wait_seconds)
                    attempt += not failure.busy
                    if attempt >= _HARMFUL_TRIES and self._pool.successes - successes >= 2 * _HARMFUL_TRIES:
                        log.warning("a request failed %d times while others succeeded: %s", attempt, failure)
                        return Completion("", 0, 0, Refusal.HARMFUL)
                    log.info("a request failed: %s; next try in %.1f s", failure, wait)
            if time.monotonic() + wait > give_up_at:
                raise last
            await asyncio.sleep(wait)

    async def _try(self, server: Any, prompt: str) -> Completion:
        worked: bool | None = None
        try:
            async with asyncio.timeout(self._options.request_seconds):
                answer = await self._complete(server.url, prompt)
            worked = True
            return answer
        except TimeoutError as error:
            worked = False
            raise PassingError(f"no answer from {server.url} in {self._options.request_seconds:g} s") from error
        except PassingError as failure:
            worked = None if failure.busy else False
            raise
        finally:
            self._pool.give_back(server, worked=worked)

    async def _complete(self, url: str, prompt: str) -> Completion:
        options = self._options
        model = adapter_name(self.adapter) if self._adapter_folder is not None and self.adapter else options.model
        arguments = (self._http, url, options.endpoint, model, prompt, options.max_new_tokens)
        try:
            return await complete(*arguments)
        except MissingModelError:
            if self._adapter_folder is None:
                raise
            await self._load(url)  # the server was restarted and has forgotten it
            return await complete(*arguments)


def _remedy(error: Exception) -> str:
    match error:
        case CredentialsError():
            return "check COACHLM_OPENAI_API_KEY"
        case MissingModelError():
            return "check COACHLM_MODEL against the server's /v1/models"
        case _:
            return "check COACHLM_OPENAI_SERVERS; the pairs stay as they were: run again to go on"
