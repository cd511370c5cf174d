"""Open-Assistant's message trees, nested or flat: the best-ranked reply to every message, from the prompt to a leaf.

One conversation a tree; what stands on other branches is counted once a tree, as not chosen. Deleted messages are not
followed. Source: Open-Assistant data schema; rank 0 is the best.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.transcripts import read_role
from streams.reading.formats.parts.fields import Record, name_of, text_or_empty, time_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat, Outcome, Piece, malformed
from streams.reading.sources.records import Fragment, Message, Role

_UNRANKED = 1_000_000


def matches_tree(record: Record) -> bool:
    if isinstance(record.get("prompt"), dict):
        return "message_tree_id" in record or "replies" in record["prompt"]
    return (
        "message_id" in record and "text" in record and bool(record.get("replies") or "message_tree_id" not in record)
    )


def matches_message(record: Record) -> bool:
    return "message_id" in record and "message_tree_id" in record and "text" in record


def read_tree(record: Record) -> Iterator[Outcome]:
    root = record.get("prompt", record)
    if not isinstance(root, dict):
        raise malformed("prompt", root, "an object")
    yield from _walk(root, name_of(record, "message_tree_id"))


def read_message(record: Record) -> Iterator[Outcome]:
    key = name_of(record, "message_tree_id")
    if key is None:
        raise malformed("message_tree_id", record.get("message_tree_id"), "text")
    yield Piece(key, "message", record)


def assemble(fragments: Sequence[Fragment]) -> Iterator[Outcome]:
    """Flat messages to a tree: `replies` are rebuilt from the parents that messages name."""
    nodes = {name_of(f.data, "message_id"): {**f.data, "replies": []} for f in fragments}
    roots = []
    for node in nodes.values():
        parent = name_of(node, "parent_id")
        if parent is None:
            roots.append(node)
        elif parent in nodes:
            nodes[parent]["replies"].append(node)
    if not roots:
        raise EntryError(RejectReason.UNMATCHED, "the tree's first message never came")
    yield from _walk(roots[0], fragments[0].key, total=len(nodes))


def _walk(root: Record, tree_id: str | None, total: int | None = None) -> Iterator[Outcome]:
    if root.get("deleted") is True:
        raise EntryError(RejectReason.NOT_CHOSEN, "the prompt was deleted")
    messages: list[Message] = []
    seen: set[int] = set()
    node: Record | None = root
    last = root
    while node is not None and id(node) not in seen:
        seen.add(id(node))
        messages.append(Message(read_role(node), text_or_empty(node, "text")))
        last = node if messages[-1].role is Role.ASSISTANT else last
        node = _best(node)
    if len(messages) > 1 and messages[-1].role is Role.USER:
        messages.pop()  # nobody answered it
    yield Chat(
        messages,
        tree_id or name_of(root, "message_id"),
        time_of(last, "created_date"),
        name_of(last, "model_name"),
        None,
        name_of(root, "user_id"),
    )
    left = (_count(root) if total is None else total) - len(messages)
    if left > 0:
        yield EntryError(RejectReason.NOT_CHOSEN, f"{left} message{'s' * (left != 1)} on branches not followed")


def _best(node: Record) -> Record | None:
    """The best-ranked reply; among users' replies, which have no rank, the first that was answered."""
    replies = _replies(node)
    return min(replies, key=lambda reply: (_rank(reply), not _replies(reply)), default=None)


def _rank(reply: Record) -> float:
    rank = reply.get("rank")
    return rank if isinstance(rank, int | float) else _UNRANKED


def _replies(node: Record) -> list[Record]:
    replies: Any = node.get("replies")
    if replies is None:
        return []
    if not isinstance(replies, list) or not all(isinstance(reply, dict) for reply in replies):
        raise malformed("replies", replies, "an array of messages")
    return [reply for reply in replies if reply.get("deleted") is not True]


def _count(root: Record) -> int:
    """Messages of a nested tree."""
    count, level = 0, [root]
    while level:
        count += len(level)
        replies = (node.get("replies") for node in level)
        level = [reply for found in replies if isinstance(found, list) for reply in found if isinstance(reply, dict)]
    return count


TREE = LogFormat("oasst_tree", "Open-Assistant trees", matches_tree, read_tree)
MESSAGE = LogFormat("oasst_message", "Open-Assistant flat messages", matches_message, read_message, assemble)
