"""Asking an OpenAI-compatible server to complete a coach prompt, and what its answers mean."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import httpx

from coachlm.http_answers import retry_after, stated_tokens
from reviser.remote.manners import Manners, Question

MAX_ANSWER_BYTES = 8_000_000
"""Unpacked; a longer body is malformed and not read further."""

Endpoint = Literal["completions", "chat"]
_COMPLAINTS = frozenset(
    {
        httpx.codes.BAD_REQUEST,
        httpx.codes.UNSUPPORTED_MEDIA_TYPE,
        httpx.codes.UNPROCESSABLE_ENTITY,
        httpx.codes.NOT_IMPLEMENTED,
    }
)


class Refusal(StrEnum):
    """Why a server won't ever answer this request; the pair falls back to raw."""

    REJECTED = "rejected_by_server"  # too long for its context, most often
    MALFORMED = "malformed_answer"  # the answer is not what the protocol says
    UNFINISHED = "unfinished"  # cut off by the limit of new tokens
    HARMFUL = "server_error"  # it fails again and again where other requests succeed
    DECLINED = "declined"  # the provider's `refusal` field, or its content filter


@dataclass(frozen=True, slots=True)
class Completion:
    """A server's answer."""

    text: str
    prompt_tokens: int
    output_tokens: int
    refusal: Refusal | None = None


class PassingError(Exception):
    """The server, not the request, is at fault: worth another try, here or elsewhere."""

    def __init__(self, why: str, wait_seconds: float = 0.0, *, busy: bool = False) -> None:
        super().__init__(why)
        self.wait_seconds = wait_seconds  # that the server asked for
        self.busy = busy  # it works, but has too much to do


class MissingModelError(Exception):
    """The server doesn't know the model's or adapter's name (any more)."""


class CredentialsError(Exception):
    """The server doesn't take the key: no request will ever succeed."""


async def complete(
    http: httpx.AsyncClient, url: str, model: str, question: Question, manners: dict[str, Manners]
) -> Completion:
    """One question; what the server refuses to hear of beside it is left out, now and, where that helps, from then on.

    Raises: PassingError, MissingModelError, CredentialsError.
    """
    manner = manners.get(url, Manners())
    while True:
        response, content = await _post(http, url + question.path, manner.body(model, question))
        status = response.status_code
        if status == httpx.codes.OK:
            manners[url] = manner
            return _completion(content, question)
        said = content[:2000].decode("utf-8", "replace")
        other = manner.after(said, question) if status in _COMPLAINTS else None
        if other is None:
            return _failure(response, status, content, url)
        manner = other


async def _post(http: httpx.AsyncClient, address: str, body: dict[str, Any]) -> tuple[httpx.Response, bytes]:
    try:
        async with http.stream("POST", address, json=body) as response:
            return response, await _read(response)
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise PassingError(f"{type(error).__name__} at {address}") from error


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MAX_ANSWER_BYTES:
            return b""
    return bytes(content)


def _failure(response: httpx.Response, status: int, content: bytes, url: str) -> Completion:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise CredentialsError(f"{url} answers {status}")
    if status == httpx.codes.NOT_FOUND:
        raise MissingModelError(f"{url} answers 404: {content[:200].decode('utf-8', 'replace')}")
    if status == httpx.codes.TOO_MANY_REQUESTS and b"insufficient_quota" in content:
        raise CredentialsError(f"{url} answers 429: the key's quota is used up")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise PassingError(f"{url} answers 429", retry_after(response.headers.get("retry-after", "")), busy=True)
    if status == httpx.codes.REQUEST_TIMEOUT or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise PassingError(f"{url} answers {status}", retry_after(response.headers.get("retry-after", "")))
    return Completion("", 0, 0, Refusal.REJECTED)


def _completion(content: bytes, question: Question) -> Completion:
    try:
        body = json.loads(content)
        choice = body["choices"][0]
        message = choice["message"] if question.messages else {"content": choice["text"]}
        text, declined = message["content"], message.get("refusal")
        finish = choice.get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return Completion("", 0, 0, Refusal.MALFORMED)
    if not isinstance(text, str) and not (declined and text is None):
        return Completion("", 0, 0, Refusal.MALFORMED)
    text = (text or "").encode("utf-8", "replace").decode()
    usage = body.get("usage")
    return Completion(
        text,
        stated_tokens(usage, "prompt_tokens", question.chars),
        stated_tokens(usage, "completion_tokens", len(text)),
        Refusal.DECLINED
        if declined or finish == "content_filter"
        else None
        if finish == "stop"
        else Refusal.UNFINISHED,
    )
