"""Every error as `application/problem+json`: what was wrong with which item, and what to do. Source: RFC 9457."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from api.models.problems import PROBLEM_JSON, FieldProblem, Problem
from coachlm.errors import (
    AccessError,
    CoachLMError,
    ConflictError,
    DatabaseError,
    DivergedError,
    EmptyTextError,
    InputError,
    LeaseError,
    NotFoundError,
    RubricError,
    SchemaError,
    StaleError,
    StoreError,
    StreamError,
    StudyClosedError,
    TransitionError,
)

log = logging.getLogger(__name__)

_MAX_FIELDS = 20
_RETRY_SECONDS = 2.0

_OF_ERRORS: tuple[tuple[type[CoachLMError], int, str], ...] = (
    (StaleError, 412, "stale"),
    (LeaseError, 409, "late"),
    (StudyClosedError, 409, "closed"),
    (DivergedError, 409, "diverged"),
    (ConflictError, 409, "conflict"),
    (TransitionError, 409, "wrong_status"),
    (NotFoundError, 404, "not_found"),
    (SchemaError, 503, "schema"),
    (DatabaseError, 503, "database"),
    (StreamError, 503, "stream"),
    (AccessError, 403, "forbidden"),
    (RubricError, 422, "rubric"),
    (EmptyTextError, 422, "empty_text"),
    (InputError, 422, "input"),
    (StoreError, 422, "refused"),
)
_KEEPING = (LeaseError, ConflictError, EmptyTextError)
"""What the queue refuses with the text kept as a draft, where a text came with the request."""
_SAID = {
    400: "the request can't be read; send JSON in UTF-8 as docs/reference/http.md describes it",
    404: "unknown route; docs/reference/http.md and /openapi.json list them",
    405: "this route doesn't take this method; docs/reference/http.md and /openapi.json list them",
}


class RefusedError(Exception):
    """An answer that is no success, from anywhere in the service."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry_after_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        self.headers = dict(headers or {})


class TooLongError(HTTPException):
    """The body is longer than the limit; an HTTPException so that the framework passes it on."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"the request is longer than {limit:,} bytes; send less at once")


class TooSlowError(HTTPException):
    """The body didn't come in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(408, f"the request took longer than {seconds:g} s to come in; send it again, all at once")


def problem_response(refused: RefusedError, request_id: str, **more: Any) -> Response:
    problem = Problem(
        type=f"urn:coachlm:problem:{refused.code}",
        title=HTTPStatus(refused.status).phrase,
        status=refused.status,
        detail=refused.detail,
        code=refused.code,
        request_id=request_id,
        retry_after_seconds=refused.retry_after_seconds,
        **more,
    )
    headers = refused.headers
    if refused.retry_after_seconds is not None:
        headers["Retry-After"] = str(ceil(refused.retry_after_seconds))
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, refused.status, headers, media_type=PROBLEM_JSON)


def add_problem_handlers(app: FastAPI) -> None:
    """What escapes these (a bug) is answered by `api.http.envelope`."""
    app.add_exception_handler(RefusedError, _answer_refused)
    app.add_exception_handler(CoachLMError, _answer_domain)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)


def refusal(error: CoachLMError) -> RefusedError:
    """How the service says one of the project's errors."""
    for kind, status, code in _OF_ERRORS:
        if isinstance(error, kind):
            wait = _RETRY_SECONDS if status == HTTPStatus.SERVICE_UNAVAILABLE else None
            return RefusedError(status, code, str(error), retry_after_seconds=wait)
    return RefusedError(500, "failed", str(error))


async def _answer_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return problem_response(error, request.state.request_id)


async def _answer_domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, CoachLMError)
    refused = refusal(error)
    if refused.status >= 500:
        log.error("request %s: %s", request.state.request_id, error)
    kept = isinstance(error, _KEEPING) and getattr(request.state, "keeps_text", False)
    if kept:
        request.app.state.shared.metrics.note_conflict(refused.code)
    return problem_response(refused, request.state.request_id, text_kept=kept)


async def _answer_validation(request: Request, error: Exception) -> Response:
    """Where and what, never the value: it may be a secret or a megabyte."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    fields = tuple(
        FieldProblem(where=".".join(map(str, one["loc"]))[:80], message=str(one["msg"])[:500])
        for one in found[:_MAX_FIELDS]
    )
    more = f" and {len(found) - _MAX_FIELDS} more" if len(found) > _MAX_FIELDS else ""
    wrong = ", ".join(field.where for field in fields)
    refused = RefusedError(422, "invalid", f"invalid request: {wrong}{more}; docs/reference/http.md shows each request")
    return problem_response(refused, request.state.request_id, errors=fields)


async def _answer_http(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: unknown routes and methods, bodies that are no JSON."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    said = _SAID.get(error.status_code, f"{phrase}; docs/reference/http.md describes each route")
    code = phrase.lower().replace(" ", "_")
    if isinstance(error, TooLongError):
        said, code = error.detail, "too_long"
    if isinstance(error, TooSlowError):
        said, code = error.detail, "too_slow"
    refused = RefusedError(error.status_code, code, said, headers=error.headers)
    return problem_response(refused, request.state.request_id)
