"""Every error this project raises on purpose, as one tree.

    CoachLMError
    ├── SettingsError          a setting is missing, malformed or contradicts another
    ├── InputError             a source can't be read at all (one bad record is a Reject, never an exception)
    ├── RubricError            scores outside the rubric of Table II
    ├── PromptError            a text is not a coach prompt or not a revised pair
    ├── StoreError             the store refuses
    │   ├── DatabaseError      the database itself refuses or can't be reached
    │   ├── SchemaError        the database is of another (newer or unmigrated) schema
    │   ├── NotFoundError      no such pair, person or item
    │   ├── TransitionError    the status change is not in the transition table
    │   ├── LeaseError         the lease is unknown, foreign or expired
    │   ├── DivergedError      another browser saved a text of the same item that wasn't seen here
    │   ├── EmptyTextError     a submitted text has no instruction or no response
    │   └── ConflictError      it doesn't fit what the item has become meanwhile
    │       ├── StaleError     the pair (or rating) is of another version than the one that was seen
    │       └── StudyClosedError  the study of ratings takes none any more
    ├── ReviserError           an engine can't be built or has died (one bad pair is a fallback, never an exception)
    │   ├── ModelError         a model or adapter folder is refused
    │   ├── EngineError        the engine failed for a whole batch
    │   └── BudgetError        the run's budget of tokens is used up; brings what was revised before
    ├── AccessError            a token, role or unit doesn't allow it
    ├── StreamError            the broker refuses, can't be reached, or has stopped giving messages
    ├── TrainingError          a coach can't be tuned: no data, an unfit base or folder, a loss that is not a number
    └── ExportError            a data set can't be written

Messages name the item, what was wrong and the remedy. Third-party errors are wrapped at the room's edge with `from`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coachlm.revision import Revision


class CoachLMError(Exception):
    """Base of all errors raised on purpose; the command line prints it without a traceback and exits with 1."""


class SettingsError(CoachLMError):
    """A setting is missing, malformed or contradicts another."""


class InputError(CoachLMError):
    """A source can't be read at all: no such path, no permission, not a readable archive."""


class RubricError(CoachLMError):
    """Scores outside the ranges or caps of the rubric."""


class PromptError(CoachLMError):
    """A text is not a coach prompt, or a generated text is not a revised pair."""


class StoreError(CoachLMError):
    """The store refuses."""


class DatabaseError(StoreError):
    """The database itself refuses or can't be reached; the same call may succeed later."""


class SchemaError(StoreError):
    """The database's schema is not the one this version needs."""


class NotFoundError(StoreError):
    """No such pair, person or item."""


class TransitionError(StoreError):
    """A status change that the transition table does not allow."""


class LeaseError(StoreError):
    """The lease is unknown, held by somebody else, or expired; the text that came with it was kept as a draft."""


class DivergedError(StoreError):
    """Another browser has saved a text of the same item that this one hasn't seen; nothing was stored over it."""


class EmptyTextError(StoreError):
    """A submitted text has no instruction or no response; it was kept as a draft."""


class ConflictError(StoreError):
    """The item is not what it was when it was handed out; the text that came with it was kept as a draft."""


class StaleError(ConflictError):
    """The pair changed since it was read: load it again; the text that came with it was kept as a draft."""


class StudyClosedError(ConflictError):
    """The study was closed: its ratings stay as they are."""


class ReviserError(CoachLMError):
    """A reviser engine can't be built or has died."""


class ModelError(ReviserError):
    """A model or adapter folder is refused: missing files, pickled weights, another base."""


class EngineError(ReviserError):
    """The engine failed for a whole batch; no pair of it was revised."""


class BudgetError(ReviserError):
    """The run's budget of tokens is used up: a clean stop, no failure. `revisions` were made of the batch before it."""

    def __init__(self, message: str, revisions: "Sequence[Revision]" = ()) -> None:
        super().__init__(message)
        self.revisions = tuple(revisions)


class TrainingError(CoachLMError):
    """A coach can't be tuned: no data, a base or folder that does not fit, a loss that is not a number, no disk."""


class ExportError(CoachLMError):
    """A data set can't be written."""


class AccessError(CoachLMError):
    """Nobody known, or somebody whose role or unit doesn't allow it."""


class StreamError(CoachLMError):
    """The broker refuses or can't be reached, topics are missing or unlike the settings, or nothing moves any more."""
