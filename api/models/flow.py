"""Logs coming in, adapters, figures: what operators look at."""

from datetime import datetime
from typing import Any

from pydantic import Field

from api.models.base import Comment, Given, Taken, Text
from coachlm.coaching.adapters import AdapterState


class LineVerdict(Given):
    """What became of one posted line; lines count from 0, blank ones included."""

    line: int
    ok: bool = Field(description="A generation was read from it. What isn't ok is stored as a reject with its reason.")
    reason: Text = ""


class IntakeSummary(Given):
    """The last line of an answer to posted logs: without it, the answer was cut off; post the same lines again."""

    request_id: str = Field(description="The same lines under this id may be posted any number of times.")
    lines: int
    ok: int
    refused: int


class Adapter(Given):
    """An adapter in the registry."""

    digest: str
    base: Text
    state: AdapterState
    canary_share: float = 0.0
    gate: dict[str, Any] | None = Field(default=None, description="What the gate measured; null: not yet.")
    training: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime | None = None
    changed_at: datetime | None = None


class AdapterEvent(Given):
    """A change of an adapter's state."""

    digest: str
    before: AdapterState | None
    after: AdapterState
    by: Text
    detail: Text
    at: datetime


class Adapters(Given):
    """All adapters, newest first, and which of them revise."""

    adapters: tuple[Adapter, ...]
    current: str | None = Field(description="Digest; null: none.")
    canary: str | None = None


class AdapterEvents(Given):
    """What happened to an adapter, oldest first."""

    events: tuple[AdapterEvent, ...]


class AdapterRequest(Taken):
    """Why."""

    detail: Comment = ""
