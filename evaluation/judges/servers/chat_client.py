"""A client of OpenAI-compatible chat completions: bounded concurrency, retries with jitter, every failure named."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass

import httpx

from coachlm.errors import SettingsError
from coachlm.http_answers import retry_after, stated_tokens
from coachlm.machine.waiting import Backoff
from evaluation.judges.answers import AnswerError, Failure
from evaluation.judges.dialect import Dialect, Schema

_LONGEST_MESSAGE = 300
_MOST_DIALECTS = 4
_REFUSED_PARAMETERS = frozenset({400, 422})
_REFUSE_ALL = frozenset({401, 402, 403, 404})  # key, money, rights, model or address
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
    refused_after: int = 3  # questions refused one after another in the same words
    max_completion_tokens: int = 512  # what the model thinks included
    structured: bool = True  # asks for JSON by a schema, where the server takes one
    prompt_price: float | None = None
    completion_price: float | None = None

    def __post_init__(self) -> None:
        """Raises: SettingsError."""
        if not self.base_url.startswith(("http://", "https://")):
            raise SettingsError(f"the judge's address {self.base_url!r} must start with http:// or https://")
        if min(self.concurrency, self.attempts, self.give_up_after, self.max_completion_tokens, self.refused_after) < 1:
            raise SettingsError(
                "concurrency, attempts, give_up_after, refused_after, max_completion_tokens: at least 1"
            )

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


class _ParameterError(Exception):
    """The server refuses a parameter, not the question."""


class ChatClient:
    """Asks one server; use as an async context manager. `dialect` is what was found out about it."""

    def __init__(self, server: JudgeServer, dialect: Dialect | None = None) -> None:
        self._server = server
        self.dialect = dialect or Dialect(structured=server.structured)
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

    async def ask(self, system: str, prompt: str, schema: Schema | None = None) -> Completion:
        """Raises: AnswerError, when all attempts failed or the server refuses the question."""
        for _ in range(_MOST_DIALECTS):
            with suppress(_ParameterError):
                return await self._retried(system, prompt, schema)
        raise AnswerError(Failure.REJECTED, "the server refuses every form of the question")

    async def _retried(self, system: str, prompt: str, schema: Schema | None) -> Completion:
        last = Failure.UNREACHABLE
        for attempt in range(self._server.attempts):
            try:
                return await self._attempt(system, prompt, schema)
            except _PassingError as error:
                last = error.failure
                if attempt + 1 < self._server.attempts:
                    await asyncio.sleep(self._backoff.spread_seconds(attempt + 1, error.wait_seconds))
        raise AnswerError(last)

    async def _attempt(self, system: str, prompt: str, schema: Schema | None) -> Completion:
        dialect = self.dialect
        body = {
            "model": self._server.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": prompt}],
            **dialect.parameters(self._server.max_completion_tokens, schema),
        }
        try:
            async with (
                asyncio.timeout(self._server.timeout_seconds),  # httpx's own bounds the gap between bytes only
                self._http.stream("POST", "chat/completions", json=body) as response,
            ):
                content = await _read_bounded(response)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise _PassingError(Failure.TIMEOUT) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _PassingError(Failure.UNREACHABLE) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AnswerError(Failure.REJECTED) from error
        if response.status_code in _REFUSED_PARAMETERS:
            self._learn(dialect, _message(content))
        _check_status(response, self._redacted(_message(content)))
        return _read_completion(content, len(system) + len(prompt))

    def _learn(self, asked: Dialect, refusal: str) -> None:
        """Raises: _ParameterError, when the question may be asked otherwise; another one may have learnt it before."""
        other = asked.after(refusal)
        if other is not None:
            if self.dialect == asked:
                self.dialect = other
            raise _ParameterError

    def _redacted(self, message: str) -> str:
        key = self._server.api_key
        return message.replace(key, "…") if key else message


async def _read_bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise AnswerError(Failure.MALFORMED)
    return bytes(content)


def _check_status(response: httpx.Response, message: str) -> None:
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS and "quota" in message:
        raise AnswerError(Failure.REJECTED, f"HTTP {status}: {message}", of_all=True)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise _PassingError(Failure.RATE_LIMITED, retry_after(response.headers.get("retry-after", "")))
    if status == httpx.codes.REQUEST_TIMEOUT:
        raise _PassingError(Failure.TIMEOUT)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _PassingError(Failure.SERVER_ERROR, retry_after(response.headers.get("retry-after", "")))
    if status != httpx.codes.OK:
        said = f"HTTP {status}: {message or response.reason_phrase}"
        raise AnswerError(Failure.REJECTED, said, of_all=status in _REFUSE_ALL)


def _message(content: bytes) -> str:
    """What a server says of an error, in one line of bounded length."""
    try:
        error = json.loads(content)["error"]
        said = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError, RecursionError):
        said = content.decode("utf-8", "replace")
    return " ".join(str(said).split())[:_LONGEST_MESSAGE]


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
