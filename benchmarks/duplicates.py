"""Signing texts for near copies: speed, and recall on copies with changed words, against datatrove and datasketch.

All sign the same Alpaca records with word triples in this one process; recall is the share of near copies that share
a band (datatrove: a bucket) with their original. A peer that isn't installed is left out (null).
"""

import argparse
import gzip
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from coachlm.settings import Settings
from coachlm.text.duplicates import NearDuplicateHasher, similarity

Signatures = list[tuple[Hashable, ...]]  # per text its bands, in order


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool did with the records and their copies."""

    per_cpu_second: float
    recall: list[float]  # per bin of similarity
    false_candidates: float  # per 1,000 records: pairs of records that share a band without being near copies


BINS = ((0.8, 0.85), (0.85, 1.01))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records; within 50 s on 2 cores")
    quick = parser.parse_args().quick
    threshold = Settings.model_construct().intake.near_duplicate_similarity
    texts = _records(5_000 if quick else 52_002)
    originals, copies = _copies(texts, 1_000 if quick else 5_000)
    shares = np.array([similarity(texts[index], copy) for index, copy in zip(originals, copies, strict=True)])
    results: dict[str, Result | None] = {}
    for name, sign in _tools().items():
        # The peers take minutes over everything; a record costs them the same whichever part of the records it is in.
        part = texts if name == "coachlm" else texts[: 5_000 if quick else 20_000]
        results[name] = None if sign is None else _measure(sign, part, texts, originals, copies, shares, threshold)
    _report(results, shares)


def _records(count: int) -> list[str]:
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    with gzip.open(Path(folder) / "alpaca/alpaca_52k.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in itertools.islice(file, count)]
    return ["\n".join((record["instruction"], record["input"], record["output"])) for record in records]


def _copies(texts: list[str], count: int) -> tuple[list[int], list[str]]:
    """Indices of records of 20 words or more, and copies with up to one word in 25 replaced, dropped or added."""
    chooser = random.Random(3)
    vocabulary = [word for text in texts[:2_000] for word in text.split()]
    long_enough = [index for index, text in enumerate(texts) if len(text.split()) >= 20]
    originals = chooser.sample(long_enough, count)
    copies = []
    for index in originals:
        words = texts[index].split()
        for _ in range(chooser.randint(1, max(1, len(words) // 25))):
            place, new = chooser.randrange(len(words)), chooser.choice(vocabulary)
            words[place : place + chooser.choice((0, 1, 1, 1))] = chooser.choice(([new], [new], [new], []))
        copies.append(" ".join(words))
    return originals, copies


def _tools() -> dict[str, Callable[[Sequence[str]], Signatures] | None]:
    return {
        "coachlm": _sign_ours,
        "datatrove": _sign_datatrove if find_spec("datatrove") else None,
        "datasketch": _sign_datasketch if find_spec("datasketch") else None,
    }


def _sign_ours(texts: Sequence[str]) -> Signatures:
    hasher = NearDuplicateHasher()
    batches = (hasher.band_keys(texts[start : start + 256]) for start in range(0, len(texts), 256))
    return list(itertools.chain.from_iterable(batches))


def _sign_datatrove(texts: Sequence[str]) -> Signatures:
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig

    # sha1: its xxhash path hands over text where today's xxhash wants bytes.
    config = MinhashConfig(n_grams=3, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(hash_fc="sha1"))
    signer = MinhashDedupSignature(os.devnull, config=config)
    signed: Signatures = []
    for text in texts:
        shingles = signer.get_shingles(text)
        signed.append(tuple(map(tuple, signer.get_signature(shingles))) if shingles.size else ())
    return signed


def _sign_datasketch(texts: Sequence[str]) -> Signatures:
    from datasketch import MinHash, MinHashLSH  # pyright: ignore[reportMissingImports]

    bands, rows = MinHashLSH(threshold=0.8, num_perm=128).b, MinHashLSH(threshold=0.8, num_perm=128).r
    signed: Signatures = []
    for text in texts:
        words = text.lower().split()
        minhash = MinHash(num_perm=128)
        minhash.update_batch([" ".join(triple).encode() for triple in zip(words, words[1:], words[2:], strict=False)])
        signed.append(tuple(minhash.hashvalues[band * rows : (band + 1) * rows].tobytes() for band in range(bands)))
    return signed


def _measure(
    sign: Callable[[Sequence[str]], Signatures],
    part: list[str],
    texts: list[str],
    originals: list[int],
    copies: list[str],
    shares: np.ndarray,
    threshold: float,
) -> Result:
    sign(part[:100])  # imports and caches
    start = time.process_time()
    signed = sign(part)
    seconds = time.process_time() - start
    pairs = zip(sign([texts[index] for index in originals]), sign(copies), strict=True)
    met = np.array([any(a == b for a, b in zip(one, other, strict=False)) for one, other in pairs])
    recall = [float(met[(shares >= low) & (shares < high)].mean()) for low, high in BINS]
    candidates = _candidates(signed)
    false = sum(similarity(part[first], part[second]) < threshold for first, second in candidates)
    return Result(len(part) / seconds, recall, 1_000 * false / len(part))


def _candidates(signed: Signatures) -> set[tuple[int, int]]:
    """(first record with a band, later record with the same band), as an index that keeps the first would find them."""
    first: dict[Hashable, int] = {}
    found = set()
    for index, bands in enumerate(signed):
        owners = {first.setdefault((place, band), index) for place, band in enumerate(bands)}
        found.update((owner, index) for owner in owners if owner != index)
    return found


def _report(results: dict[str, Result | None], shares: np.ndarray) -> None:
    counts = [int(((shares >= low) & (shares < high)).sum()) for low, high in BINS]
    print(f"near copies: {counts[0]:,} of similarity 0.8 to 0.85, {counts[1]:,} of 0.85 and more")
    print(f"{'':12}{'records/CPU s':>15}{'µs/record':>11}{'recall 0.80–':>14}{'recall 0.85–':>14}{'false/1,000*':>14}")
    for name, result in results.items():
        if result is None:
            print(f"{name:12}{'not installed':>15}")
            continue
        print(
            f"{name:12}{result.per_cpu_second:15,.0f}{1e6 / result.per_cpu_second:11.1f}"
            f"{result.recall[0]:14.4f}{result.recall[1]:14.4f}{result.false_candidates:14.2f}"
        )
    print("* candidates per 1,000 records that the store's exact comparison then turns down")
    ours, peer = results["coachlm"], results["datatrove"]
    assert ours is not None
    figures = {
        "records_per_cpu_second": round(ours.per_cpu_second),
        "recall_from_080_to_085": round(ours.recall[0], 4),
        "recall_from_085": round(ours.recall[1], 4),
        "false_candidates_per_1000": round(ours.false_candidates, 2),
        **{f"{name}_records_per_cpu_second": r and round(r.per_cpu_second) for name, r in list(results.items())[1:]},
        "ratio_to_datatrove": peer and round(ours.per_cpu_second / peer.per_cpu_second, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
