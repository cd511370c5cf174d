"""Messages of pairs.accepted through the reviser into the store, a few pairs a transaction."""

import time
from collections.abc import Iterator, Sequence
from itertools import islice

from coachlm.errors import BudgetError
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Reviser
from coachlm.protocols.streams import DeadLetter, StreamMessage, StreamStore, Topic
from coachlm.revision import Revision
from coachlm.settings import Settings
from streams.broker.wire.codec import AcceptedPair, Refused, decode
from streams.broker.worker.handler import Handler, Observer

_PROBE = InstructionPair("Name the capital of France.", "", "The capital of France is Paris.")
_CHUNK_BATCHES = 4
"""Forward batches a transaction: engines that refill their batch as rows finish want more than one at hand."""


class ReviseHandler(Handler):
    """A pair that no longer waits for the coach (a repeated message, an exclusion meanwhile) is passed over."""

    def __init__(self, reviser: Reviser, store: StreamStore, settings: Settings, observer: Observer) -> None:
        self._reviser = reviser
        self._store = store
        self._chunk_pairs = settings.reviser.batch_pairs * _CHUNK_BATCHES
        self._observer = observer

    def handle(self, messages: Sequence[StreamMessage]) -> None:
        rest = iter(messages)
        while chunk := list(islice(rest, self._chunk_pairs)):
            self._handle(chunk)

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self._store.save_stream_revisions((), letters)
        self._observer.handled(len(letters), letters)

    def is_healthy(self) -> bool:
        self._store.still_accepted(["0"])
        return len(self._reviser.revise([_PROBE])) == 1

    def _handle(self, messages: Sequence[StreamMessage]) -> None:
        pairs: dict[str, InstructionPair] = {}
        dead: list[DeadLetter] = []
        for message, value in _decoded(messages):
            if isinstance(value, AcceptedPair):
                pairs[value.pair] = value.as_pair()
            else:
                dead.append(DeadLetter(message, value.reason, value.error))
        waiting = self._store.still_accepted(pairs)
        started = time.perf_counter()
        revisions = self._revisions([pair for number, pair in pairs.items() if number in waiting])
        seconds = time.perf_counter() - started
        if revisions or dead:
            self._store.save_stream_revisions(revisions, dead)
        self._observer.revised(revisions, seconds)
        self._observer.handled(len(messages), dead)

    def _revisions(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        """What was made before a budget was used up is stored; its messages come again and are passed over."""
        try:
            return self._reviser.revise(pairs)
        except BudgetError as spent:
            self._store.save_stream_revisions(spent.revisions, ())
            raise


def _decoded(messages: Sequence[StreamMessage]) -> Iterator[tuple[StreamMessage, AcceptedPair | Refused]]:
    for message in messages:
        value = decode(Topic.ACCEPTED, message.value)
        if not isinstance(value, AcceptedPair | Refused):
            raise TypeError(f"the schema of {Topic.ACCEPTED} reads {type(value).__name__}")
        yield message, value
