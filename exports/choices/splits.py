"""Which split a pair belongs to: the same for all turns of a conversation and in every export."""

# See docs/decisions/0032-split-by-session.md and docs/decisions/0150-data-sets-for-trainers.md

import xxhash

from coachlm.desk.dataset import DatasetRow
from coachlm.pairs import Provenance

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def conversation_key(row: DatasetRow) -> str:
    """What all turns of a conversation share: the session, or else the record, in which it was met first."""
    return key_of(row.beginning or row.provenance)


def key_of(beginning: Provenance) -> str:
    position = beginning.position
    return beginning.session_hash or f"{position.source}\0{position.record}"


def split_of(key: str, test_share: float, validation_share: float, seed: str = "") -> str:
    """By a hash of the key; another seed is another draw."""
    if not (test_share or validation_share):
        return TRAIN
    drawn = f"{seed}\0{key}" if seed else key
    place = xxhash.xxh3_64_intdigest(drawn.encode("utf-8", "surrogatepass")) / 2**64
    if place < test_share:
        return TEST
    return VALIDATION if place < test_share + validation_share else TRAIN
