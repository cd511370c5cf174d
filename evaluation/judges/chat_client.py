"""A client of OpenAI-compatible chat completions: bounded concurrency, retries with jitter, every failure named."""

import asyncio
import json
from dataclasses import dataclass

import httpx

from coachlm.errors import SettingsError
from coachlm.http_answers import retry_after, stated_tokens
from coachlm.machine.waiting import Backoff
from evaluation.judges.answers import AnswerError, Failure

MAX_ANSWER_BYTES = 4_000_000
"""Unpacked; a longer body is malformed and not read further."""


@dataclass(frozen=True, slots=True)
class JudgeServer:
    """Where a judge answers and how it may be asked. Prices are for a million tokens; None: cost unknown."""

    base_url: str  # with its version, e.g. http://localhost:8000/v1
    model: str
    api_key: str = ""
    concurrency: int = 8
    timeout_seconds: float = 60
    attempts: int = 5  # per question, the first included
    first_wait_seconds: float = 1  # doubled after each attempt, with jitter
    longest_wait_seconds: float = 60
    give_up_after: int = 20  # questions that failed one after another because the server was not there
    max_completion_tokens: int = 512
    prompt_price: float | None = None
    completion_price: float | None = None

    def __post_init__(self) -> None:
        """Raises: SettingsError."""
        if not self.base_url.startswith(("http://", "https://")):
            raise SettingsError(f"the judge's address {self.base_url!r} must start with http:// or https://")
        if min(self.concurrency, self.attempts, self.give_up_after, self.max_completion_tokens) < 1:
            raise SettingsError("concurrency, attempts, give_up_after and max_completion_tokens must be at least 1")

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        if self.prompt_price is None or self.completion_price is None:
            return None
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / 1e6

    def __repr__(self) -> str:
        return f"JudgeServer({self.base_url!r}, {self.model!r})"  # never the key


@dataclass(frozen=True, slots=True)
class Completion:
    """What a server answered and took for it; `failure` where the text is empty or cut off."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    failure: Failure | None = None


class _PassingError(Exception):
    """Worth another attempt."""

    def __init__(self, failure: Failure, wait_seconds: float = 0) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.wait_seconds = wait_seconds


class ChatClient:
    """Asks one server; use as an async context manager."""

    def __init__(self, server: JudgeServer) -> None:
        self._server = server
        self._backoff = Backoff(server.first_wait_seconds, server.longest_wait_seconds)
        key = {"Authorization": f"Bearer {server.api_key}"} if server.api_key else {}
        self._http = httpx.AsyncClient(
            base_url=server.base_url.rstrip("/") + "/",
            headers=key,
            timeout=server.timeout_seconds,
            limits=httpx.Limits(max_connections=server.concurrency),
        )

    async def __aenter__(self) -> "ChatClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(self, system: str, prompt: str) -> Completion:
        """Raises: AnswerError, when all attempts failed or the server refuses the question."""
        last = Failure.UNREACHABLE
        for attempt in range(self._server.attempts):
            try:
                return await self._attempt(system, prompt)
            except _PassingError as error:
                last = error.failure
                if attempt + 1 < self._server.attempts:
                    await asyncio.sleep(self._backoff.spread_seconds(attempt + 1, error.wait_seconds))
        raise AnswerError(last)

    async def _attempt(self, system: str, prompt: str) -> Completion:
        body = {
            "model": self._server.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": self._server.max_completion_tokens,
        }
        try:
            async with (
                asyncio.timeout(self._server.timeout_seconds),  # httpx's own bounds the gap between bytes only
                self._http.stream("POST", "chat/completions", json=body) as response,
            ):
                _check_status(response)
                content = await _read_bounded(response)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise _PassingError(Failure.TIMEOUT) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _PassingError(Failure.UNREACHABLE) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AnswerError(Failure.REJECTED) from error
        return _read_completion(content, len(system) + len(prompt))


async def _read_bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise AnswerError(Failure.MALFORMED)
    return bytes(content)


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise _PassingError(Failure.RATE_LIMITED, retry_after(response.headers.get("retry-after", "")))
    if status == httpx.codes.REQUEST_TIMEOUT:
        raise _PassingError(Failure.TIMEOUT)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _PassingError(Failure.SERVER_ERROR, retry_after(response.headers.get("retry-after", "")))
    if status != httpx.codes.OK:
        raise AnswerError(Failure.REJECTED)


def _read_completion(content: bytes, prompt_chars: int) -> Completion:
    try:
        body = json.loads(content)
        choice = body["choices"][0]
        text, finish = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise AnswerError(Failure.MALFORMED) from error
    text = text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""
    failure = None
    if finish == "length":
        failure = Failure.CUT_OFF
    elif finish == "content_filter" or not text.strip():
        failure = Failure.NO_VERDICT
    usage = body.get("usage")
    return Completion(
        text=text,
        prompt_tokens=stated_tokens(usage, "prompt_tokens", prompt_chars),
        completion_tokens=stated_tokens(usage, "completion_tokens", len(text)),
        failure=failure,
    )
