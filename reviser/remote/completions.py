"""Asking an OpenAI-compatible server to complete a coach prompt, and what its answers mean."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import httpx

from coachlm.http_answers import retry_after, stated_tokens

MAX_ANSWER_BYTES = 8_000_000
"""Unpacked; a longer body is malformed and not read further."""

Endpoint = Literal["completions", "chat"]


class Refusal(StrEnum):
    """Why a server won't ever answer this request; the pair falls back to raw."""

    REJECTED = "rejected_by_server"  # too long for its context, most often
    MALFORMED = "malformed_answer"  # the answer is not what the protocol says
    UNFINISHED = "unfinished"  # cut off by the limit of new tokens
    HARMFUL = "server_error"  # it fails again and again where other requests succeed


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
    http: httpx.AsyncClient, url: str, endpoint: Endpoint, model: str, prompt: str, max_new_tokens: int
) -> Completion:
    """One request. Raises: PassingError, MissingModelError, CredentialsError."""
    body: dict[str, Any] = {"model": model, "max_tokens": max_new_tokens, "temperature": 0}
    if endpoint == "chat":
        path, body["messages"] = "/chat/completions", [{"role": "user", "content": prompt}]
    else:
        path, body["prompt"] = "/completions", prompt
    try:
        async with http.stream("POST", url + path, json=body) as response:
            content = await _read(response)
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise PassingError(f"{type(error).__name__} at {url}") from error
    status = response.status_code
    if status == httpx.codes.OK:
        return _completion(content, endpoint, len(prompt))
    return _failure(response, status, content, url)


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
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise PassingError(f"{url} answers 429", retry_after(response.headers.get("retry-after", "")), busy=True)
    if status == httpx.codes.REQUEST_TIMEOUT or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise PassingError(f"{url} answers {status}", retry_after(response.headers.get("retry-after", "")))
    return Completion("", 0, 0, Refusal.REJECTED)


def _completion(content: bytes, endpoint: Endpoint, prompt_chars: int) -> Completion:
    try:
        body = json.loads(content)
        choice = body["choices"][0]
        text = choice["message"]["content"] if endpoint == "chat" else choice["text"]
        finish = choice.get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return Completion("", 0, 0, Refusal.MALFORMED)
    if not isinstance(text, str):
        return Completion("", 0, 0, Refusal.MALFORMED)
    text = text.encode("utf-8", "replace").decode()
    usage = body.get("usage")
    refusal = None if finish == "stop" else Refusal.UNFINISHED
    return Completion(
        text,
        stated_tokens(usage, "prompt_tokens", prompt_chars),
        stated_tokens(usage, "completion_tokens", len(text)),
        refusal,
    )
