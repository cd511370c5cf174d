"""Answers as exporters of OpenTelemetry read them: in the form of the request, errors as a `Status`.

Source: OTLP specification 1.9, "OTLP/HTTP Response", "Failures"; google.rpc.Status.
"""

from collections.abc import Callable, Coroutine
from math import ceil
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api.http.problems import RefusedError, refusal
from coachlm.errors import CoachLMError

JSON, PROTOBUF = "application/json", "application/x-protobuf"
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 413: 8, 415: 3, 422: 3, 429: 8, 501: 12, 503: 14}
_INTERNAL = 13
_TEXT, _NUMBER = 2, 0  # wire types


def is_json(request: Request) -> bool:
    """Raises: RefusedError, for another form than OTLP has."""
    match request.headers.get("content-type", "").partition(";")[0].strip().lower():
        case "application/json":
            return True
        case "application/x-protobuf" | "application/protobuf":
            return False
        case other:
            raise RefusedError(415, "form", f"content-type {other[:40]!r} isn't known; send {PROTOBUF} or {JSON}")


def success(in_json: bool, rejected_name: str, rejected: int, message: str) -> Response:
    """Whole or partial; a message with nothing rejected is a warning."""
    if in_json:
        partial: dict[str, Any] = {rejected_name: str(rejected), "errorMessage": message}
        return JSONResponse({"partialSuccess": partial} if rejected or message else {})
    inner = (_field(1, rejected) if rejected else b"") + (_field(2, message) if message else b"")
    return Response(_field(1, inner) if inner else b"", media_type=PROTOBUF)


class OtlpRoute(APIRoute):
    """A route whose errors, those of its dependencies too, are answered as the specification says."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RefusedError as error:
                return _failure(request, error)
            except CoachLMError as error:
                return _failure(request, refusal(error))
            except RequestValidationError:
                return _failure(request, RefusedError(400, "invalid", "the request's parameters are wrong"))
            except HTTPException as error:
                return _failure(request, RefusedError(error.status_code, "refused", str(error.detail)))

        return answer


def _failure(request: Request, error: RefusedError) -> Response:
    code = _CODES.get(error.status, _INTERNAL)
    headers = dict(error.headers)
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(ceil(error.retry_after_seconds))
    if request.headers.get("content-type", "").startswith(JSON):
        return JSONResponse({"code": code, "message": error.detail}, error.status, headers)
    return Response(_field(1, code) + _field(2, error.detail), error.status, headers, PROTOBUF)


def _field(number: int, value: int | str | bytes) -> bytes:
    """A field of a protobuf message."""
    if isinstance(value, int):
        return _varint(number << 3 | _NUMBER) + _varint(value)
    data = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return _varint(number << 3 | _TEXT) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
