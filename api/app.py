"""The HTTP service, put together. Nothing listens yet: `coachlm serve` runs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.access.callers import Callers
from api.access.gate import Gate, check_declared
from api.access.jwt_bearer import jwt_verifier
from api.access.rate_limits import RateLimiter
from api.access.tokens import TokenVerifier
from api.http.background import sweep_for_ever
from api.http.envelope import Envelope, Patience
from api.http.metrics import Metrics, QueueFigures
from api.http.problems import add_problem_handlers
from api.http.services import Services
from api.http.slots import Slots
from api.routes import (
    adapters,
    desk,
    figures,
    health,
    pairs,
    people,
    ratings,
    reviews,
)
from api.routes.exporting import export, rejects
from api.routes.receiving import intake, telemetry, webhooks
from api.routes.state import State
from coachlm import __version__
from coachlm.settings import Settings

_BURST_SECONDS = 4
_ROUTERS = (
    desk.router,
    desk.rubric_router,
    pairs.router,
    reviews.router,
    ratings.router,
    ratings.studies_router,
    people.router,
    figures.router,
    adapters.router,
    intake.router,
    telemetry.router,
    webhooks.router,
    export.router,
    rejects.router,
    health.router,
)
_STREAMED_PATHS = frozenset(
    route.path
    for router in (intake.router, telemetry.router, webhooks.router)
    for route in router.routes
    if isinstance(route, APIRoute)
)
_ABOUT = """Post-editing of revised instruction pairs: intake of logs, the queue, reviews, figures, data out.

Every request carries `Authorization: Bearer TOKEN`; every error is `application/problem+json` that says what to do.
"""


def create_app(services: Services, settings: Settings) -> FastAPI:
    """Raises: SettingsError, also for a route that doesn't declare its roles."""
    app = FastAPI(
        title="CoachLM",
        version=__version__,
        description=_ABOUT,
        routes=[route for router in _ROUTERS for route in router.routes],
        openapi_url=None,  # `api.routes.health` gives it out, with roles declared as everywhere
        docs_url=None,  # the framework's pages load their scripts from a CDN; nothing here leaves the machine
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    check_declared(app.routes)
    metrics = Metrics(lambda: _queue_figures(services))
    app.state.shared = State(
        services,
        settings,
        metrics,
        Slots("posts of logs", settings.api.log_posts),
        Slots("exports", settings.api.exports),
        CapacityLimiter(settings.api.log_posts),
        CapacityLimiter(settings.api.log_posts),
    )
    app.state.gate = _gate(services, settings, metrics)
    add_problem_handlers(app)
    app.add_middleware(
        Envelope,
        max_body_bytes=settings.api.body_bytes,
        streamed_paths=_STREAMED_PATHS,
        metrics=metrics,
        patience=Patience(settings.api.body_seconds, settings.api.write_seconds),
    )
    return app


def _queue_figures(services: Services) -> QueueFigures:
    overview = services.figures.overview(hours=1)
    depth = overview.depth
    return QueueFigures(
        depth.free_by_class,
        depth.reserved,
        depth.leased,
        depth.awaiting_review + depth.sent,
        overview.oldest_seconds or 0.0,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state: State = app.state.shared
    sweeps = (state.services.queue.return_expired, state.services.reviews.approve_unsampled)
    task = asyncio.create_task(sweep_for_ever(sweeps, state.settings.api.sweep_seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _gate(services: Services, settings: Settings, metrics: Metrics) -> Gate:
    per_second, per_minute = settings.api.requests_per_second, settings.api.failures_per_minute
    return Gate(
        accounts=services.accounts,
        tokens=TokenVerifier(),
        jwt=jwt_verifier(settings, metrics.note_identity_fetch),
        requests=RateLimiter(per_second, max(1.0, per_second * _BURST_SECONDS)),
        failures=RateLimiter(per_minute / 60, max(1.0, per_minute)),
        callers=Callers.trusting(settings.api.trusted_proxies),
        on_refusal=metrics.note_refusal,
    )
