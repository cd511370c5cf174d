"""The words that are stored and shown for states and reasons: each enum's members with the comment beside them."""

import ast
import inspect
from collections.abc import Iterator
from enum import StrEnum

from coachlm.coaching.adapters import AdapterState
from coachlm.desk.categories import RevisionCategory
from coachlm.desk.work import Ending, ItemState, PersonRole, ReviewReason, ReviewState
from coachlm.pairs import ExcludeReason, RejectReason, TaskClass
from coachlm.protocols.streams import DeadReason
from coachlm.revision import FlagKind, Outcome
from coachlm.status import Status
from coachlm.text.guards.refusals import Guard
from devtools.reference.blocks import sentence, table
from reviser.instructed.answers import Unusable
from reviser.pairs.requests import Failure
from reviser.remote.completions import Refusal

_SHOWN: tuple[tuple[str, type[StrEnum]], ...] = (
    ("Statuses of a pair", Status),
    ("Why a record became no pair", RejectReason),
    ("Why a pair was excluded", ExcludeReason),
    ("Task classes", TaskClass),
    ("Outcomes of a revision", Outcome),
    ("Why a guard refused a revision", Guard),
    ("Why an engine gave no revision", Failure),
    ("Why a server gave no revision", Refusal),
    ("Why a chat model's answer is no revision", Unusable),
    ("What an annotator should check", FlagKind),
    ("States of an item of the queue", ItemState),
    ("How a lease ends", Ending),
    ("States of a review", ReviewState),
    ("Why an owner reviews a post-edit", ReviewReason),
    ("Categories of a revision (Table IV)", RevisionCategory),
    ("Roles of people", PersonRole),
    ("States of an adapter", AdapterState),
    ("Why a message is a dead letter", DeadReason),
)


def render_reasons() -> str:
    return "\n\n".join(f"## {title}\n\n{_table(words)}" for title, words in _SHOWN)


def _table(words: type[StrEnum]) -> str:
    source = inspect.getsourcefile(words) or ""
    place = f"{words.__module__.replace('.', '/')}.py" if source else words.__module__
    rows = ((f"`{value}`", sentence(comment)) for value, comment in _members(words))
    return f"{inspect.getdoc(words)} Defined in `{place}`.\n\n{table(('word', 'meaning'), rows)}"


def _members(words: type[StrEnum]) -> Iterator[tuple[str, str]]:
    lines = inspect.getsource(words).splitlines()
    body = ast.parse("\n".join(lines)).body[0]
    assert isinstance(body, ast.ClassDef)
    for node in body.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            after = lines[node.end_lineno - 1][node.end_col_offset :] if node.end_lineno else ""
            yield words[node.targets[0].id].value, _plain(after)


def _plain(comment: str) -> str:
    notes = (note.strip() for note in comment.split("#"))
    return " ".join(note for note in notes if note and not note.startswith("noqa"))
