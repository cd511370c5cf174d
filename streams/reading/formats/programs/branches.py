"""Chats that branch where somebody edited a message or asked for another answer: the branch that was kept."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from coachlm.pairs import RejectReason
from streams.reading.formats.parts.outcomes import EntryError

Node = TypeVar("Node")


def branch_to(leaf: str | None, nodes: dict[str, Node], parent: Callable[[Node], str | None]) -> list[Node]:
    """The nodes from the root to this one."""
    path: list[Node] = []
    seen: set[str] = set()
    while leaf is not None and leaf in nodes and leaf not in seen:
        seen.add(leaf)
        path.append(nodes[leaf])
        leaf = parent(nodes[leaf])
    return path[::-1]


def newest_branch(roots: list[Any], children: Callable[[Any], list[Any]]) -> list[Any]:
    """From the last root over each last child, as programs show a chat by default."""
    path: list[Any] = []
    level = roots
    seen: set[int] = set()
    while level and id(level[-1]) not in seen:
        seen.add(id(level[-1]))
        path.append(level[-1])
        level = children(level[-1])
    return path


def left_aside(count: int) -> Iterator[EntryError]:
    if count > 0:
        yield EntryError(RejectReason.NOT_CHOSEN, f"{count} message{'s' * (count != 1)} on branches not followed")
