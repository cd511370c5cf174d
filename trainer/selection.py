"""α selection: the share of expert revisions that changed most, in one pass over any number of them.

The rule. A revision's rank is its character edit distance, larger first. At the cut, equal distances are taken by the
smaller content hash, so the chosen set does not depend on the order in which revisions arrive; exact copies of one
revision are taken in order of arrival. Of n revisions, α·n rounded half up are chosen.

One pass, flat memory. How many to choose is known only at the end, so every revision read is written to a spool beside
the target, and 12 bytes of it (distance, hash) stay in memory; the chosen lines are then copied from the spool. A
bounded heap would need n beforehand and hold α·n texts; reading the source twice would need it to say the same twice,
which a database that people work in does not.

Source: paper §II-F2. On the published 2,044 revisions, 613 are chosen for α = 0.3, and they are the same set as by the
file's own `Distance`: that differs from ours in 11 rows by up to 3 characters (`coachlm.distance.pair_distance`), none
of them near the cut, and only one revision stands at the cut's distance of 397.
"""

import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from coachlm.distance import pair_distances
from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair, RejectReason, content_hash
from trainer.revisions import ExpertRevision

_CHUNK = 1_000  # revisions measured at a time
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


def choose(distances: np.ndarray, hashes: np.ndarray, alpha: float) -> np.ndarray:
    """Which of them are chosen, `(n,) bool`: by the module's rule. `alpha` is between 0 and 1."""
    order = np.lexsort((np.arange(len(distances)), hashes, -distances.astype(np.int64)))
    chosen = np.zeros(len(distances), dtype=bool)
    chosen[order[: int(alpha * len(distances) + 0.5)]] = True
    return chosen


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
        chosen = choose(spooled.distances, spooled.hashes, alpha)
        digest = _copy_chosen(spool, target, chosen)
    except OSError as error:
        raise TrainingError(f"{target} can't be written: {error}; give a folder with room for the data") from error
    finally:
        spool.unlink(missing_ok=True)
    if not chosen.any():
        why = ", ".join(f"{count} {reason}" for reason, count in rejects.items()) or "the source is empty"
        target.unlink(missing_ok=True)
        raise TrainingError(f"no expert revision to train on: {len(chosen)} read, {why}; check the data or raise alpha")
    return _described(alpha, spooled, chosen, rejects, digest)


def read_selected(path: Path) -> Iterator[ExpertRevision]:
    """The revisions that `select` wrote."""
    with path.open("rb") as lines:
        for line in lines:
            record = orjson.loads(line)
            yield ExpertRevision(InstructionPair(*record["raw"]), InstructionPair(*record["revised"]))


class _Spooled:
    """The revisions on disk; of each, its distance (`(n,) uint32`) and hash (`(n,) uint64`) in memory."""

    def __init__(self, revisions: Iterable[ExpertRevision], spool: Path, rejects: Counter[str]) -> None:
        distances, hashes = array("I"), array("Q")
        self.stated_otherwise = 0
        source = iter(revisions)
        with spool.open("wb") as file:
            while chunk := list(islice(source, _CHUNK)):
                kept = list(_writable(chunk, rejects))
                measured = pair_distances([item.raw for item, _ in kept], [item.revised for item, _ in kept])
                distances.extend(measured)
                hashes.extend(_hash(item) for item, _ in kept)
                self.stated_otherwise += sum(
                    item.stated_distance not in (None, distance)
                    for (item, _), distance in zip(kept, measured, strict=True)
                )
                file.writelines(line for _, line in kept)
        self.distances = np.frombuffer(distances, dtype=np.uint32) if distances else np.zeros(0, np.uint32)
        self.hashes = np.frombuffer(hashes, dtype=np.uint64) if hashes else np.zeros(0, np.uint64)


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


def _copy_chosen(spool: Path, target: Path, chosen: np.ndarray) -> str:
    digest = hashlib.sha256()
    with spool.open("rb") as lines, target.open("wb") as file:
        for line, is_chosen in zip(lines, chosen, strict=True):
            if is_chosen:
                file.write(line)
                digest.update(line)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _described(alpha: float, spooled: _Spooled, chosen: np.ndarray, rejects: Counter[str], digest: str) -> Selection:
    distances = spooled.distances
    cut = int(distances[chosen].min())
    tied = distances == cut
    return Selection(
        alpha=alpha,
        read=len(distances),
        chosen=int(chosen.sum()),
        cut_distance=cut,
        tied=int(tied.sum()),
        tied_chosen=int((tied & chosen).sum()),
        unchanged=int((distances == 0).sum()),
        stated_otherwise=spooled.stated_otherwise,
        quantiles=_quantiles(distances),
        quantiles_chosen=_quantiles(distances[chosen]),
        histogram=_histogram(distances, chosen),
        rejects=dict(rejects),
        data_digest=digest,
    )


def _quantiles(distances: np.ndarray) -> dict[str, int]:
    values = np.quantile(distances, _QUANTILES, method="lower")
    return {f"{share:g}": int(value) for share, value in zip(_QUANTILES, values, strict=True)}


def _histogram(distances: np.ndarray, chosen: np.ndarray) -> list[list[int]]:
    """Bins 0, 1, 2–3, 4–7, …: distances spread over four orders of magnitude."""
    edges = [0, *(1 << power for power in range(int(distances.max()).bit_length() + 1))]
    counts, taken = (np.histogram(some, bins=edges)[0] for some in (distances, distances[chosen]))
    return [[edge, int(count), int(part)] for edge, count, part in zip(edges, counts, taken, strict=False)]
