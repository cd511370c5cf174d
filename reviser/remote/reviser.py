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
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from coachlm.errors import BudgetError, EngineError, ModelError
from coachlm.http_answers import CHARS_PER_TOKEN
from coachlm.instructing import Spending
from coachlm.machine.waiting import Backoff
from coachlm.pairs import InstructionPair
from coachlm.prompt import render_pair
from coachlm.revision import Outcome, Revision
from reviser.pairs.finish import Finisher, Usage, WithFinisher
from reviser.remote.adapters import adapter_name, load_adapter, unload_adapter
from reviser.remote.answer_cache import AnswerCache
from reviser.remote.budget import Budget, SpentError
from reviser.remote.coaches import RemoteCoach, TunedCoach
from reviser.remote.completions import (
    Completion,
    CredentialsError,
    MissingModelError,
    PassingError,
    Refusal,
    complete,
)
from reviser.remote.manners import Manners, Question
from reviser.remote.options import RemoteOptions
from reviser.remote.servers import ServerPool

log = logging.getLogger(__name__)
T = TypeVar("T")
_ANSWER_TOKENS = 60  # around the pair: an object's names, a little elaboration
_POLL_SECONDS = 0.02  # how soon a request that found all servers busy looks again
_LONGEST_WAIT_SECONDS = 30.0
_HARMFUL_TRIES = (
    10  # failures of one request, and twice as many successes of others meanwhile, that put the blame on it
)


class RemoteReviser(WithFinisher):
    """Implements `coachlm.protocols.revising.Reviser`; safe to share between threads."""

    def __init__(
        self,
        options: RemoteOptions,
        finisher: Finisher,
        adapter_folder: Path | None = None,
        coach: RemoteCoach | None = None,
        cache: AnswerCache | None = None,
    ) -> None:
        """`coach`: the tuned one, where none is given. Raises: ModelError, when no server takes the adapter or none can
        be reached."""
        self._options = options
        self._coach = coach or TunedCoach(finisher, options.max_new_tokens, options.endpoint, options.prompting)
        self._cache = cache
        self._budget = Budget(options.budget_tokens)
        self._manners: dict[str, Manners] = {}
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
        """Raises: EngineError, when servers stayed away for `outage_seconds`, or refuse key or model; BudgetError."""
        if self._closed:
            raise EngineError("the engine is closed")
        began = time.perf_counter()
        made = self._run(self._revise_all(pairs))
        seconds = (time.perf_counter() - began) / max(len(pairs), 1)
        revisions = [replace(revision, seconds=seconds) for revision in made if revision is not None]
        if len(revisions) < len(pairs):
            raise BudgetError(self._budget.remedy(), revisions)
        return revisions

    def estimate(self, pairs: Sequence[InstructionPair]) -> Spending:
        """What revising these would take; tokens by length, an answer as long as its pair."""
        found = Spending()
        for raw in pairs:
            try:
                question, key = self._coach.question(raw)
            except UnicodeEncodeError:
                continue
            if self._kept(key) is not None:
                found += Spending(from_cache=1)
            else:
                found += Spending(1, 0, question.tokens, _answer_tokens(raw))
        return found

    @property
    def spending(self) -> Spending:
        """Of this engine, since it was made."""
        return self._budget.spending

    def close(self) -> None:
        """Unload the adapter where it was loaded; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        try:
            self._run(self._leave())
        finally:
            if self._cache is not None:
                self._cache.close()
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

    async def _revise_all(self, pairs: Sequence[InstructionPair]) -> list[Revision | None]:
        """None for those that the budget left out."""
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

    async def _revise_one(self, raw: InstructionPair, gate: asyncio.Semaphore) -> Revision | None:
        if self._finisher.leaks(raw):
            return self._finisher.fallback(raw, Outcome.LEAK_GUARD, "in_training_data")
        try:
            question, key = self._coach.question(raw)
        except UnicodeEncodeError:
            return self._finisher.fallback(raw, Outcome.FALLBACK_ERROR, "not_tokenisable")
        if (kept := self._kept(key)) is not None:
            self._budget.spending += Spending(from_cache=1)
            return self._coach.revision(raw, kept, Usage())
        async with gate:
            try:
                with self._budget.claim(question.tokens + _answer_tokens(raw)) as claim:
                    answer = await self._ask(question)
                    claim.used = Spending(1, 0, answer.prompt_tokens, answer.output_tokens)
            except SpentError:
                return None
        return self._revision(raw, answer, key)

    def _revision(self, raw: InstructionPair, answer: Completion, key: str | None) -> Revision:
        usage = Usage(answer.prompt_tokens, answer.output_tokens)
        match answer.refusal:
            case None:
                made = self._coach.revision(raw, answer.text, usage)
                if self._cache is not None and key is not None and made.outcome is not Outcome.FALLBACK_INVALID:
                    self._cache.put(key, answer.text)
                return made
            case Refusal.UNFINISHED | Refusal.MALFORMED | Refusal.DECLINED:
                return self._finisher.fallback(raw, Outcome.FALLBACK_INVALID, answer.refusal.value, usage)
            case Refusal.REJECTED | Refusal.HARMFUL:
                return self._finisher.fallback(raw, Outcome.FALLBACK_ERROR, answer.refusal.value, usage)

    def _kept(self, key: str | None) -> str | None:
        return None if self._cache is None or key is None else self._cache.get(key)

    async def _ask(self, question: Question) -> Completion:
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
                    return await self._try(server, question)
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

    async def _try(self, server: Any, question: Question) -> Completion:
        worked: bool | None = None
        try:
            async with asyncio.timeout(self._options.request_seconds):
                answer = await self._complete(server.url, question)
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

    async def _complete(self, url: str, question: Question) -> Completion:
        options = self._options
        model = adapter_name(self.adapter) if self._adapter_folder is not None and self.adapter else options.model
        arguments = (self._http, url, model, question, self._manners)
        try:
            return await complete(*arguments)
        except MissingModelError:
            if self._adapter_folder is None:
                raise
            await self._load(url)  # the server was restarted and has forgotten it
            return await complete(*arguments)


def _answer_tokens(raw: InstructionPair) -> int:
    """What an answer takes, by a guess: coaches write the pair again, and a little more."""
    return len(render_pair(raw)) // CHARS_PER_TOKEN + _ANSWER_TOKENS


def _remedy(error: Exception) -> str:
    match error:
        case CredentialsError():
            return "check COACHLM_OPENAI_API_KEY"
        case MissingModelError():
            return "check COACHLM_MODEL against the server's /v1/models"
        case _:
            return "check COACHLM_OPENAI_SERVERS; the pairs stay as they were: run again to go on"
