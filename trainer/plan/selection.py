"""α selection: the share of expert revisions that changed most, in one pass over any number of them.

The rule. A revision's rank is its character edit distance, larger first. At the cut, equal distances are taken by the
smaller content hash, so the chosen set does not depend on the order in which revisions arrive; exact copies of one
revision are taken in order of arrival. Of n revisions, α·n rounded half up are chosen.

One pass over the source, flat memory. How many to choose is known only at the end, so every revision read is written to
a spool beside the target, behind its rank; in memory stays how often each distance occurs, and, where the cut goes
through equal distances, the hashes of those. The chosen lines are then copied from the spool. A bounded heap would need
n beforehand and hold α·n texts; reading the source twice would need it to say the same twice, which a database that
people work in does not.

Source: paper §II-F2. On the published 2,044 revisions, 613 are chosen for α = 0.3, and they are the same set as by the
file's own `Distance`: that differs from ours in 11 rows by up to 3 characters (`coachlm.text.distance.pair_distance`),
none of them near the cut, and only one revision stands at the cut's distance of 397.
"""

# See docs/decisions/0068-select-by-spool.md

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair, RejectReason, content_hash
from coachlm.text.distance import pair_distances
from trainer.plan.revisions import ExpertRevision

Rank = tuple[int, int]
"""A revision's distance in characters and 64 bits of its content's hash."""

_CHUNK = 1_000  # revisions measured at a time
_RANK = "{:08x}{:016x}"  # before each line of the spool
_RANK_BYTES = 24
_EVERY_HASH = 1 << 64  # larger than any
_QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


@dataclass(frozen=True, slots=True)
class Selection:
    """What α cut, and how far the experts went. All distances in characters."""

    alpha: float
    read: int  # revisions that were ranked
    chosen: int
    cut_distance: int  # the smallest distance chosen
    tied: int  # revisions at the cut's distance
    tied_chosen: int
    unchanged: int  # revisions of distance 0
    stated_otherwise: int  # revisions whose source states another distance
    quantiles: dict[str, int]  # share → distance, of all
    quantiles_chosen: dict[str, int]
    histogram: list[list[int]]  # lower edge, how many, how many of them chosen; edges double
    rejects: dict[str, int]
    data_digest: str  # sha256 of the file of chosen revisions

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def chooser(ranks: Iterable[Rank], counts: Mapping[int, int], alpha: float) -> Callable[[Rank], bool]:
    """Says of each revision whether it is chosen by the module's rule; to be asked in order of arrival.

    `ranks` are those of all, gone through only where the cut goes through equal distances; `counts` is how often each
    distance occurs; `alpha` is between 0 and 1.
    """
    cut, wanted = _cut(counts, _share(counts, alpha))
    edge, copies = _EVERY_HASH if wanted else -1, 0
    if 0 < wanted < counts[cut]:
        tied = np.fromiter((value for distance, value in ranks if distance == cut), np.uint64)
        edge = int(np.partition(tied, wanted - 1)[wanted - 1])
        copies = wanted - int((tied < edge).sum())

    def is_chosen(rank: Rank) -> bool:
        nonlocal copies
        distance, value = rank
        if rank == (cut, edge):
            copies -= 1
            return copies >= 0
        return distance > cut or (distance == cut and value < edge)

    return is_chosen


def _share(counts: Mapping[int, int], alpha: float) -> int:
    return int(alpha * sum(counts.values()) + 0.5)


def _cut(counts: Mapping[int, int], wanted: int) -> tuple[int, int]:
    """The least distance that is chosen, and how many of it; all of the larger ones are."""
    for distance in sorted(counts, reverse=True):
        if wanted <= counts[distance]:
            return distance, wanted
        wanted -= counts[distance]
    return 0, 0


def select(revisions: Iterable[ExpertRevision], alpha: float, target: Path, rejects: Counter[str]) -> Selection:
    """Write the top α of the revisions to `target` in order of arrival, one JSON line each.

    `rejects` is what the source counts while it is read; revisions that no JSON can hold (lone surrogates) join it.
    Raises: TrainingError, when there is nothing to choose or no room on the disk.
    """
    if not 0 < alpha <= 1:
        raise TrainingError(f"alpha is {alpha}; it is the share of revisions to take, above 0 and at most 1")
    spool = target.with_suffix(".spool")
    try:
        spooled = _Spooled(revisions, spool, rejects)
        digest = _copy_chosen(spooled, target, alpha)
    except OSError as error:
        raise TrainingError(f"{target} can't be written: {error}; give a folder with room for the data") from error
    finally:
        spool.unlink(missing_ok=True)
    read = spooled.counts.total()
    if not _share(spooled.counts, alpha):
        why = ", ".join(f"{count} {reason}" for reason, count in rejects.items()) or "the source is empty"
        target.unlink(missing_ok=True)
        raise TrainingError(f"no expert revision to train on: {read} read, {why}; check the data or raise alpha")
    return _described(alpha, spooled, rejects, digest)


def read_selected(path: Path, weight: float = 1.0) -> Iterator[ExpertRevision]:
    """The revisions that `select` wrote."""
    with path.open("rb") as lines:
        for line in lines:
            record = orjson.loads(line)
            raw, revised = InstructionPair(*record["raw"]), InstructionPair(*record["revised"])
            yield ExpertRevision(raw, revised, weight=weight)


class _Spooled:
    """The revisions on disk, each behind its rank; `counts` is how often each distance occurs."""

    def __init__(self, revisions: Iterable[ExpertRevision], path: Path, rejects: Counter[str]) -> None:
        self.path = path
        self.counts: Counter[int] = Counter()
        self.stated_otherwise = 0
        source = iter(revisions)
        with path.open("wb") as file:
            while chunk := list(islice(source, _CHUNK)):
                kept = list(_writable(chunk, rejects))
                measured = pair_distances([item.raw for item, _ in kept], [item.revised for item, _ in kept])
                for (item, line), distance in zip(kept, measured, strict=True):
                    self.counts[distance] += 1
                    self.stated_otherwise += item.stated_distance not in (None, distance)
                    file.write(_RANK.format(distance, _hash(item)).encode() + line)

    def ranks(self) -> Iterator[Rank]:
        with self.path.open("rb") as lines:
            yield from map(_rank, lines)


def _writable(chunk: Sequence[ExpertRevision], rejects: Counter[str]) -> Iterator[tuple[ExpertRevision, bytes]]:
    for item in chunk:
        texts = {"raw": _texts(item.raw), "revised": _texts(item.revised)}
        try:
            yield item, orjson.dumps(texts, option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError:
            rejects[RejectReason.UNREADABLE.value] += 1


def _texts(pair: InstructionPair) -> tuple[str, str, str]:
    return pair.instruction, pair.input, pair.response


def _hash(item: ExpertRevision) -> int:
    return int(content_hash(*_texts(item.raw), *_texts(item.revised))[:16], 16)


def _rank(line: bytes) -> Rank:
    return int(line[:8], 16), int(line[8:_RANK_BYTES], 16)


def _copy_chosen(spooled: _Spooled, target: Path, alpha: float) -> str:
    digest = hashlib.sha256()
    is_chosen = chooser(spooled.ranks(), spooled.counts, alpha)
    with spooled.path.open("rb") as lines, target.open("wb") as file:
        for line in lines:
            if is_chosen(_rank(line)):
                text = line[_RANK_BYTES:]
                file.write(text)
                digest.update(text)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _described(alpha: float, spooled: _Spooled, rejects: Counter[str], digest: str) -> Selection:
    counts, wanted = spooled.counts, _share(spooled.counts, alpha)
    cut, tied_chosen = _cut(counts, wanted)
    chosen = {distance: count for distance, count in counts.items() if distance > cut} | {cut: tied_chosen}
    return Selection(
        alpha=alpha,
        read=counts.total(),
        chosen=wanted,
        cut_distance=cut,
        tied=counts[cut],
        tied_chosen=tied_chosen,
        unchanged=counts[0],
        stated_otherwise=spooled.stated_otherwise,
        quantiles=_quantiles(counts),
        quantiles_chosen=_quantiles(chosen),
        histogram=_histogram(counts, chosen),
        rejects=dict(rejects),
        data_digest=digest,
    )


def _quantiles(counts: Mapping[int, int]) -> dict[str, int]:
    """Of n distances in order, the one at the place `share` · (n - 1), rounded down."""
    distances = sorted(counts)
    upto = np.cumsum([counts[distance] for distance in distances])
    places = [int(share * (int(upto[-1]) - 1)) for share in _QUANTILES]
    found = np.searchsorted(upto, places, side="right")
    return {f"{share:g}": distances[index] for share, index in zip(_QUANTILES, found, strict=True)}


def _histogram(counts: Mapping[int, int], chosen: Mapping[int, int]) -> list[list[int]]:
    """Bins 0, 1, 2–3, 4–7, …: distances spread over four orders of magnitude."""
    bins = [[0, 0, 0], *([1 << power, 0, 0] for power in range(max(counts).bit_length()))]
    for column, some in ((1, counts), (2, chosen)):
        for distance, count in some.items():
            bins[distance.bit_length()][column] += count
    return bins
