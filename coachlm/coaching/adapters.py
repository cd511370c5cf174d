"""What is known of an adapter: where it came from, what the gate said, and whether it revises pairs."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from coachlm.errors import TransitionError
from coachlm.pairs import content_hash

HELD_OUT_SHARE = 0.1
"""Of approved pairs, for the gate, unless a refresh is told otherwise."""


class AdapterState(StrEnum):
    """Where an adapter is in its life."""

    CANDIDATE = "candidate"  # trained; nothing else is known
    GATED = "gated"  # the gate let it pass: it may be promoted
    CANARY = "canary"  # revises a share of the pairs; at most one
    CURRENT = "current"  # revises all others; at most one
    RETIRED = "retired"  # was canary or current; may become current again
    REJECTED = "rejected"  # the gate refused it, and may judge it again; or a person did, for good


TRANSITIONS: dict[AdapterState, frozenset[AdapterState]] = {
    AdapterState.CANDIDATE: frozenset({AdapterState.GATED, AdapterState.REJECTED}),
    AdapterState.GATED: frozenset({AdapterState.CANARY, AdapterState.CURRENT, AdapterState.REJECTED}),
    AdapterState.CANARY: frozenset({AdapterState.CURRENT, AdapterState.RETIRED, AdapterState.REJECTED}),
    AdapterState.CURRENT: frozenset({AdapterState.RETIRED, AdapterState.REJECTED}),
    AdapterState.RETIRED: frozenset({AdapterState.CURRENT, AdapterState.REJECTED}),
    AdapterState.REJECTED: frozenset({AdapterState.GATED}),  # judged again, or passed by a person with a reason
}


def check_adapter_transition(digest: str, current: AdapterState, wanted: AdapterState) -> None:
    """Raises: TransitionError."""
    if wanted not in TRANSITIONS[current]:
        allowed = ", ".join(sorted(TRANSITIONS[current])) or "nothing"
        raise TransitionError(f"adapter {digest[:12]} is {current}; it can become {allowed}, not {wanted}")


@dataclass(frozen=True, slots=True)
class AdapterRecord:
    """An adapter in the registry."""

    digest: str  # sha256 of its folder, see `coachlm.coaching.model_facts.adapter_digest`
    base: str  # folder or hub id of the model that it belongs to
    base_digest: str
    artifact: str  # fsspec URL of its folder
    state: AdapterState = AdapterState.CANDIDATE
    training: dict[str, Any] = field(default_factory=dict)  # the run's record
    gate: dict[str, Any] | None = None  # what the gate measured; None: not yet
    canary_share: float = 0.0  # of pairs, 0 to 1; for CANARY alone
    created_at: datetime | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AdapterEvent:
    """A change of an adapter's state."""

    digest: str
    before: AdapterState | None  # None: registered
    after: AdapterState
    by: str  # a person's name, or `gate`, `refresh`
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """Which adapters revise."""

    current: AdapterRecord | None = None
    canary: AdapterRecord | None = None

    def for_pair(self, pair_id: str) -> AdapterRecord | None:
        """The adapter whose turn this pair is; None: none is in force."""
        if self.canary is not None and is_canary(pair_id, self.canary):
            return self.canary
        return self.current


def is_canary(pair_id: str, canary: AdapterRecord) -> bool:
    """Whether the pair belongs to the canary's share: by hash, so that the same pair always gets the same answer."""
    return _place(pair_id, canary.digest) < canary.canary_share


class RefreshStep(StrEnum):
    """What a run of the refresh service does, or how it ended."""

    TRAINING = "training"
    PUBLISHING = "publishing"
    GATING = "gating"
    PROMOTING = "promoting"
    PROMOTED = "promoted"
    REFUSED = "refused"  # by the gate
    FAILED = "failed"  # it can't succeed: no data, an unfit base


@dataclass(frozen=True, slots=True)
class RefreshRun:
    """A run of the refresh service."""

    id: int
    folder: str
    approved_pairs: int  # how many there were when it began
    step: RefreshStep
    adapter: str | None
    detail: str
    started_at: datetime
    changed_at: datetime

    @property
    def has_ended(self) -> bool:
        return self.step in (RefreshStep.PROMOTED, RefreshStep.REFUSED, RefreshStep.FAILED)


def is_held_out(pair_id: str, share: float) -> bool:
    """Whether an approved pair belongs to the gate and never to training: by hash, so that it stays so for ever."""
    return _place(pair_id, "held out") < share


def _place(pair_id: str, purpose: str) -> float:
    """From 0 up to 1, evenly spread over pairs."""
    return int(content_hash(pair_id, purpose)[:13], 16) / float(1 << 52)


class AdapterRegistry(Protocol):
    """Which adapters there are and which are in force. Raises (all): StoreError, NotFoundError, TransitionError."""

    def register(self, record: AdapterRecord, by: str) -> AdapterRecord:
        """Idempotent by digest: what is known of a registered adapter stays."""
        ...

    def record_gate(self, digest: str, report: dict[str, Any], *, passed: bool, by: str = "gate") -> AdapterRecord:
        """What the gate refused it may judge again; what a person took out of use stays so."""
        ...

    def override_gate(self, digest: str, by: str, reason: str) -> AdapterRecord:
        """Lets pass what the gate refused or hasn't judged, for a reason that the history keeps."""
        ...

    def start_canary(self, digest: str, share: float, by: str) -> AdapterRecord: ...

    def promote(self, digest: str, by: str, detail: str = "") -> AdapterRecord:
        """Makes it current; the one before it retires."""
        ...

    def roll_back(self, by: str, detail: str = "") -> AdapterRecord | None:
        """Stops the canary if there is one, else retires the current one for the one that was current before it."""
        ...

    def reject(self, digest: str, by: str, detail: str) -> AdapterRecord: ...

    def in_force(self) -> InForce: ...

    def show(self, digest: str) -> AdapterRecord:
        """`digest` may be shortened to 6 digits or more."""
        ...

    def adapters(self) -> list[AdapterRecord]:
        """Newest first."""
        ...

    def events(self, digest: str) -> list[AdapterEvent]: ...
