"""How many words people have to touch to get from one text to another, where a stretch may be moved as a whole.

Character distances punish a text that says the same in another order, and reward one that is merely short: an answer
that was expanded well, but not word for word as people would have, comes out no better than a scrap. Here a moved
stretch costs one, a replaced one as many words as its longer side has.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from rapidfuzz.distance import LCSseq, Levenshtein

from coachlm.pairs import InstructionPair

_LEAST_MOVED = 3  # words; a shorter stretch is found anywhere by chance
_TRIED = 20  # of equal beginnings: a text that loops must not take for ever


def pair_words_left(revised: InstructionPair, final: InstructionPair) -> int:
    """Words to touch in all three texts of a pair."""
    fields = ("instruction", "input", "response")
    return sum(words_left(getattr(revised, name), getattr(final, name)) for name in fields)


def words_left(before: str, after: str) -> int:
    """Words to insert, delete or replace, and stretches of three words or more to move; words are what white space
    separates. Stretches are looked for greedily: there may be a shorter way."""
    old, new = before.split(), after.split()
    plain = Levenshtein.opcodes(old, new)
    aligned = (plain, LCSseq.opcodes(old, new))  # replacing hides some stretches, keeping as much as possible others
    distance = sum(max(op.src_end - op.src_start, op.dest_end - op.dest_start) for op in plain if op.tag != "equal")
    return min(distance, *(_with_moves(old, new, opcodes) for opcodes in aligned))


def _with_moves(old: list[str], new: list[str], opcodes: Iterable[Any]) -> int:
    changed = (op for op in opcodes if op.tag != "equal")
    blocks = [(range(op.src_start, op.src_end), range(op.dest_start, op.dest_end)) for op in changed]
    blocks = _joined(blocks)
    moved_from, moved_to, moves = _moved(old, new, blocks)
    left = sum(
        max(sum(place not in moved_from for place in gone), sum(place not in moved_to for place in came))
        for gone, came in blocks
    )
    return left + moves


def _joined(blocks: Sequence[tuple[range, range]]) -> list[tuple[range, range]]:
    """Blocks that touch are one change: what is replaced and what is inserted beside it."""
    found: list[tuple[range, range]] = []
    for gone, came in blocks:
        if found and found[-1][0].stop == gone.start and found[-1][1].stop == came.start:
            first, second = found.pop()
            gone, came = range(first.start, gone.stop), range(second.start, came.stop)
        found.append((gone, came))
    return found


def _moved(old: list[str], new: list[str], blocks: Sequence[tuple[range, range]]) -> tuple[set[int], set[int], int]:
    """Places that moved away, places that they moved to, and how many stretches; greedy, each place once."""
    starts: dict[tuple[str, ...], list[int]] = defaultdict(list)
    ends: dict[int, int] = {}
    for gone, _ in blocks:
        for place in gone:
            ends[place] = gone.stop
            if place + _LEAST_MOVED <= gone.stop:
                starts[tuple(old[place : place + _LEAST_MOVED])].append(place)
    taken: set[int] = set()
    given: set[int] = set()
    moves = 0
    for _, came in blocks:
        place = came.start
        while place + _LEAST_MOVED <= came.stop:
            source, length = _longest(old, new, starts, ends, taken, place, came.stop)
            if length < _LEAST_MOVED:
                place += 1
                continue
            taken.update(range(source, source + length))
            given.update(range(place, place + length))
            moves += 1
            place += length
    return taken, given, moves


def _longest(
    old: list[str],
    new: list[str],
    starts: dict[tuple[str, ...], list[int]],
    ends: dict[int, int],
    taken: set[int],
    place: int,
    stop: int,
) -> tuple[int, int]:
    """Where the longest stretch that `new` has from `place` on stands among what went away, and its length."""
    best = (0, 0)
    for source in starts.get(tuple(new[place : place + _LEAST_MOVED]), ())[:_TRIED]:
        length = 0
        while (
            place + length < stop
            and source + length < ends[source]
            and source + length not in taken
            and old[source + length] == new[place + length]
        ):
            length += 1
        best = max(best, (source, length), key=lambda found: found[1])
    return best
