"""Fragments that span records wait here, in bounded memory, until what they belong to is whole."""

# See docs/decisions/0012-never-guess-ambiguous-ids.md

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from coachlm.pairs import Reject, RejectReason
from streams.reading.sources.records import Fragment

_OVERHEAD_BYTES = 400
"""What a waiting fragment or the memory of a key costs beside the fragment's own size, about."""

ExcerptOf = Callable[[Fragment], str]
"""How a fragment begins, without personal data; see `IntakeStages.excerpt`."""
_Key = tuple[str, str, str]  # format, key, and the source where only fragments of one source belong together

_HALVES = ("request", "response")


@dataclass(slots=True)
class _Group:
    """Fragments in reading order. A closed one holds none and refuses all that still come, with `closed` as reason."""

    empty_size: int
    size: int  # with its fragments
    fragments: list[Fragment] = field(default_factory=list)
    closed: str = ""


@dataclass(frozen=True, slots=True)
class Matched:
    """Groups that can be assembled, each in reading order, and what will never be in one."""

    groups: list[list[Fragment]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class Joiner:
    """Every fragment that is added comes out exactly once: in a group to assemble, or as an UNMATCHED reject.

    - `request` and `response` make a group when both are there, in either order and across sources.
    - `chunk` and `message` belong together within one source only. A stream is whole with the chunk that is
      `complete`; other streams and trees of messages are handed over, to be assembled as they are, when their source
      ends. What comes for a stream after it was whole is a group of its own.
    - Two different requests (or responses) waiting under one id are ambiguous: nobody knows which answer is whose.
      Both are rejected, and so is whatever else comes under that id. A word-by-word repeat is rejected alone. An id
      may be used again once its pair is complete, as ids like `request-1` are in every new batch file.
    - Over `max_bytes`, what has waited longest since its last fragment leaves: a tree is handed over (it is most
      likely whole; its later messages are rejected), anything else is rejected with all that still comes of it.
    """

    def __init__(self, max_bytes: int, excerpt_of: ExcerptOf = lambda _: "") -> None:
        self._max_bytes = max_bytes
        self._excerpt_of = excerpt_of
        self._bytes = 0
        self._groups: OrderedDict[_Key, _Group] = OrderedDict()  # the one touched last stands last
        self._of_source: dict[str, dict[_Key, None]] = {}  # streams and trees, in the order of their beginnings
        self._rejects: list[Reject] = []

    def add(self, fragment: Fragment) -> list[list[Fragment]]:
        """Take a fragment; returns the groups that can be assembled now, each in reading order."""
        key = _key(fragment)
        group = self._groups.get(key) or self._open(key)
        self._groups.move_to_end(key)
        if group.closed:
            self._reject(fragment, group.closed)
        elif fragment.part in _HALVES and (held := _same_part(group, fragment)) is not None:
            self._repeated(group, held, fragment)
        else:
            self._hold(group, fragment)
            if fragment.complete or (fragment.part in _HALVES and len(group.fragments) == len(_HALVES)):
                return [self._take(key).fragments]
        return self._shrink()

    def match(self, fragments: Iterable[Fragment], *, ended: str | None = None, last: bool = False) -> Matched:
        """Take fragments, then end the source `ended` if one is named, and flush where nothing more will come."""
        groups = [group for fragment in fragments for group in self.add(fragment)]
        if ended is not None:
            groups += self.end_of_source(ended)
        return Matched(groups, self.flush() if last else self.take_rejects())

    def end_of_source(self, source: str) -> list[list[Fragment]]:
        """The streams and trees of a source that has been read to its end."""
        keys = list(self._of_source.get(source, ()))
        return [group.fragments for group in map(self._take, keys) if group.fragments]

    def take_rejects(self) -> list[Reject]:
        """What was rejected since this was last asked."""
        taken, self._rejects = self._rejects, []
        return taken

    def flush(self) -> list[Reject]:
        """After the last source: `take_rejects`, and whatever still waits for its other half."""
        for key in list(self._groups):
            for fragment in self._take(key).fragments:
                self._reject(fragment, f"its other half never came (a {fragment.part} alone)")
        return self.take_rejects()

    def _open(self, key: _Key) -> _Group:
        size = _OVERHEAD_BYTES + len(key[1])
        group = self._groups[key] = _Group(size, size)
        self._bytes += size
        if source := key[2]:
            self._of_source.setdefault(source, {})[key] = None
        return group

    def _hold(self, group: _Group, fragment: Fragment) -> None:
        group.fragments.append(fragment)
        group.size += fragment.size + _OVERHEAD_BYTES
        self._bytes += fragment.size + _OVERHEAD_BYTES

    def _take(self, key: _Key) -> _Group:
        group = self._groups.pop(key)
        self._bytes -= group.size
        if source := key[2]:
            del self._of_source[source][key]
            if not self._of_source[source]:
                del self._of_source[source]
        return group

    def _repeated(self, group: _Group, held: Fragment, fragment: Fragment) -> None:
        if held.data == fragment.data:
            self._reject(fragment, f"the same {fragment.part} was read before")
            return
        why = f"two different {fragment.part}s share one id; give every call an id of its own"
        for refused in (*self._close(group, why), fragment):
            self._reject(refused, why)

    def _close(self, group: _Group, why: str) -> list[Fragment]:
        """Let nothing more into the group; returns what was in it."""
        held, group.fragments, group.closed = group.fragments, [], why
        self._bytes -= group.size - group.empty_size
        group.size = group.empty_size
        return held

    def _shrink(self) -> list[list[Fragment]]:
        """Back within the bound; returns the trees that had to leave."""
        left: list[list[Fragment]] = []
        why = f"the join buffer was full ({self._max_bytes:,} bytes); raise COACHLM_JOIN_BUFFER_BYTES"
        while self._bytes > self._max_bytes:
            key, group = next(iter(self._groups.items()))
            if group.closed:
                self._take(key)
                continue
            held = self._close(group, why)
            self._groups.move_to_end(key)
            if held[0].part == "message":
                left.append(held)
            else:
                for fragment in held:
                    self._reject(fragment, why)
        return left

    def _reject(self, fragment: Fragment, why: str) -> None:
        excerpt = self._excerpt_of(fragment)
        self._rejects.append(Reject(fragment.position, RejectReason.UNMATCHED, why, fragment.format, excerpt))


def _key(fragment: Fragment) -> _Key:
    return fragment.format, fragment.key, "" if fragment.part in _HALVES else fragment.position.source


def _same_part(group: _Group, fragment: Fragment) -> Fragment | None:
    return next((held for held in group.fragments if held.part == fragment.part), None)
