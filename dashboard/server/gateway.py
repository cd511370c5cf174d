"""The browser's way to the service: same origin, the token in a cookie that no script can read.

Desk, review and ratings call the service through here, so that drafts, submits and heartbeats need no rerun of a
Streamlit script and no token in the page. Only what they use is let through; roles are checked in the service.
"""

# See docs/decisions/0105-pages-use-the-service-alone.md

import re
from http import HTTPStatus

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from coachlm.desk.ratings import STUDY_NAME
from coachlm.machine.addresses import LOOPBACK
from dashboard.server.tickets import TICKETS

SESSION_COOKIE = "coachlm_session"
SESSION_SECONDS = 12 * 3600
MAX_BODY_BYTES = 16_000_000
_MAX_TOKEN_CHARS = 3_500  # a cookie holds 4,096 bytes

_TEXT = rf"{STUDY_NAME.pattern}/[1-9][0-9]{{0,8}}"  # that is rated: a study, and a place in the rater's order
_ALLOWED = {
    "GET": re.compile(
        rf"me|rubric|queue/(held|progress)|reviews|pairs/[0-9a-f]{{32}}(/drafts|/history)?|ratings(/{_TEXT})?"
    ),
    "POST": re.compile(
        r"queue/(claim|heartbeat|submit|undo|take-back|skip|release|exclude|send-to-owner)"
        r"|reviews(/(claim|hold|release))?|pairs/[0-9a-f]{32}/reopen"
    ),
    "PUT": re.compile(rf"queue/draft|reviews/draft|ratings/{_TEXT}"),
}


class Gateway:
    """Forwards to the service at `api_url` with the token of the caller's cookie."""

    def __init__(self, api_url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._api_url = api_url
        self._http = httpx.AsyncClient(
            base_url=api_url.rstrip("/"),
            timeout=httpx.Timeout(30.0, connect=3.0),
            transport=transport,
            trust_env=httpx.URL(api_url).host not in LOOPBACK,
        )

    def routes(self) -> list[Route]:
        return [
            Route("/coachlm/session", self.sign_in, methods=["POST"]),
            Route("/coachlm/session", self.sign_out, methods=["DELETE"]),
            Route("/coachlm/api/{path:path}", self.forward, methods=["GET", "POST", "PUT"]),
        ]

    async def sign_in(self, request: Request) -> Response:
        """Checks the token with the service and keeps it in the cookie."""
        if not _is_from_here(request):
            return _problem(HTTPStatus.FORBIDDEN, "cross_site", "this was not asked by our own page; open it and retry")
        token = await _posted_token(request)
        if token is None:
            detail = "that isn't a token; paste the whole line that `coachlm people` printed"
            return _problem(HTTPStatus.BAD_REQUEST, "no_token", detail)
        answer = await self._ask("GET", "me", token, request)
        if answer.status_code == HTTPStatus.OK:
            answer.set_cookie(
                SESSION_COOKIE,
                token,
                max_age=SESSION_SECONDS,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        return answer

    async def sign_out(self, request: Request) -> Response:
        answer = Response(status_code=HTTPStatus.NO_CONTENT)
        if _is_from_here(request):
            answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
        return answer

    async def forward(self, request: Request) -> Response:
        path, token = request.path_params["path"], request.cookies.get(SESSION_COOKIE)
        if not _ALLOWED[request.method.replace("HEAD", "GET")].fullmatch(path):
            return _problem(HTTPStatus.NOT_FOUND, "not_forwarded", f"the pages don't forward {path!r}")
        if not _is_from_here(request):
            return _problem(HTTPStatus.FORBIDDEN, "cross_site", "this was not asked by our own page; open it and retry")
        if not token:
            return _problem(HTTPStatus.UNAUTHORIZED, "signed_out", "nobody is signed in; sign in again")
        body = await _body(request)
        if body is None:
            return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_long", "the text is too long to be sent")
        asked = f"{path}?{request.url.query}" if request.url.query else path
        return await self._ask(request.method, asked, token, request, body)

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, method: str, path: str, token: str, asked_by: Request, body: bytes = b"") -> Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        headers["X-Forwarded-For"] = _callers(asked_by)
        try:
            answer = await self._http.request(method, f"/v1/{path}", headers=headers, content=body)
        except httpx.HTTPError as error:
            detail = (
                f"the service at {self._api_url} can't be reached ({type(error).__name__}); is `coachlm serve` running?"
            )
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "unreachable", detail)
        kept = {name: answer.headers[name] for name in ("content-type", "retry-after") if name in answer.headers}
        return Response(answer.content, answer.status_code, {**kept, "Cache-Control": "no-store"})


def _is_from_here(request: Request) -> bool:
    """A page of ours asked: other sites can't set the header without a permission that nobody gives them.

    Source: OWASP, Cross-Site Request Forgery Prevention, "Custom Request Headers" and "Fetch Metadata".
    """
    asked_by_us = request.method == "GET" or request.headers.get("x-coachlm") == "desk"
    return asked_by_us and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _callers(request: Request) -> str:
    """Through whom the browser came to us; the service believes as much of it as COACHLM_TRUSTED_PROXIES says."""
    peer = request.client.host if request.client else ""
    return ", ".join(part for part in (*request.headers.getlist("x-forwarded-for"), peer) if part)


async def _posted_token(request: Request) -> str | None:
    """The token itself, or what a ticket is worth."""
    body = await _body(request, 10_000)
    posted = (body or b"").decode("utf-8", "replace").strip()
    token = TICKETS.redeem(posted) or posted
    is_token = token.isascii() and token.isprintable() and not re.search(r"[\s;,\"\\]", token)
    return token if is_token and 0 < len(token) <= _MAX_TOKEN_CHARS else None


async def _body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes | None:
    """None when it is longer than `limit` bytes."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _problem(status: HTTPStatus, code: str, detail: str) -> Response:
    """In the shape of the service's own problems."""
    content = {
        "type": f"urn:coachlm:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "request_id": "",
        "text_kept": False,
        "errors": [],
    }
    return JSONResponse(content, status, media_type="application/problem+json")
