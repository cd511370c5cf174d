"""Pairs through an engine that decodes many requests at once, each stamped by the adapter that revised it.

It knows no model: engines without torch use it too.
"""

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Attempt
from coachlm.revision import Revision
from reviser.models.adapter import Adapter
from reviser.pairs.finish import Finisher, WithFinisher
from reviser.pairs.jobs import Job, JobDesk
from reviser.pairs.requests import Completion, Request

Choose = Callable[[InstructionPair], str | None]
"""Which of the adapters held revises a pair, by digest; None: the model as it was loaded."""


def no_noise(_pair_id: str) -> int:
    """Of greedy decoding."""
    return 0


class Decoder(Protocol):
    """Decodes requests as it has room for them."""

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Completions as they end."""
        ...

    def abandon(self) -> None:
        """Forget every request."""
        ...


@dataclass(frozen=True, slots=True)
class _Taken:
    """A pair under way."""

    job: Job
    desk: JobDesk[Any]
    adapter: str | None
    began: float


@dataclass(frozen=True, slots=True)
class PairStream:
    """A decoder with a desk for each adapter that it holds. Not for several threads."""

    decoder: Decoder
    desks: dict[str | None, JobDesk[Any]]  # by adapter; each stamps its revisions
    remedy: str  # what to do when the decoder fails
    noise: Callable[[str], int] = no_noise  # where the draws of a pair come from, by its id
    _under_way: Counter[str | None] = field(default_factory=Counter)  # pairs, by adapter

    def is_busy_with(self, adapter: str | None) -> bool:
        return self._under_way[adapter] > 0

    def revise(self, pairs: Sequence[InstructionPair], choose: Choose) -> list[Revision]:
        """In order, each with an even share of the seconds. Raises: EngineError."""
        began = time.perf_counter()
        revisions = dict(self.run(pairs, choose))
        seconds = (time.perf_counter() - began) / max(len(pairs), 1)
        return [replace(revisions[index], seconds=seconds) for index in range(len(pairs))]

    def run(self, pairs: Iterable[InstructionPair], choose: Choose) -> Iterator[tuple[int, Revision]]:
        """Revisions with their places in `pairs`, as they are ready. Raises: EngineError."""
        return self._run(((raw, None) for raw in pairs), choose)

    def attempt(
        self, pairs: Sequence[InstructionPair], attempts: Sequence[Attempt], choose: Choose
    ) -> list[list[Revision]]:
        """See `coachlm.protocols.revising.AttemptingReviser`; all go through the decoder together. Raises: EngineError.

        A revision's `seconds` are an even share.
        """
        began, count = time.perf_counter(), len(attempts)
        found = dict(self._run(((raw, attempt) for raw in pairs for attempt in attempts), choose))
        seconds = (time.perf_counter() - began) / max(len(found), 1)
        made = [replace(found[index], seconds=seconds) for index in range(len(found))]
        return [made[first * count : (first + 1) * count] for first in range(len(pairs))]

    def _run(
        self, asked: Iterable[tuple[InstructionPair, Attempt | None]], choose: Choose
    ) -> Iterator[tuple[int, Revision]]:
        """Without an attempt, as the engine was set up."""
        taken: dict[int, _Taken] = {}
        at_once: list[tuple[int, Revision]] = []
        desk_of = self._desks_by_attempt()

        def requests() -> Iterator[Request]:
            for index, (raw, attempt) in enumerate(asked):
                adapter = choose(raw)
                desk = desk_of(adapter, attempt)
                opened = desk.open(index, raw)
                if isinstance(opened, Revision):
                    at_once.append((index, opened))
                    continue
                taken[index] = _Taken(opened, desk, adapter, time.perf_counter())
                self._under_way[adapter] += 1
                noise = self._noise_of(raw, attempt)
                yield Request(index, opened.tokens, opened.max_new, adapter, noise, opened.watch)

        def close(ended: Completion) -> Revision:
            each = taken.pop(ended.key)
            self._under_way[each.adapter] -= 1
            made = each.desk.close(each.job, ended.tokens, ended.failure, ended.ending)
            return replace(made, seconds=time.perf_counter() - each.began)

        try:
            for ended in self.decoder.stream(requests()):
                yield from at_once
                at_once.clear()
                yield ended.key, close(ended)
            yield from at_once
        except Exception as error:
            name = self.desks[None].finisher.engine
            raise EngineError(f"the {name} engine failed: {error}; {self.remedy}") from error
        finally:
            if taken:
                self.decoder.abandon()
                self._under_way.clear()

    def _desks_by_attempt(self) -> Callable[[str | None, Attempt | None], JobDesk[Any]]:
        """For one run: desks that differ in what they give alone are made once."""
        made: dict[tuple[str | None, bool], JobDesk[Any]] = {}

        def desk_of(adapter: str | None, attempt: Attempt | None) -> JobDesk[Any]:
            desk = self.desks[adapter]
            if attempt is None or attempt.prefill == desk.prefill:
                return desk
            return made.setdefault((adapter, attempt.prefill), replace(desk, prefill=attempt.prefill))

        return desk_of

    def _noise_of(self, raw: InstructionPair, attempt: Attempt | None) -> int | None:
        if attempt is None:
            return self.noise(raw.id)
        return None if attempt.draw is None else self.noise(f"{raw.id}#{attempt.draw}")


class PairStreamReviser(WithFinisher, ABC):
    """What engines share that send pairs through a `PairStream`; see `coachlm.protocols.revising.StreamingReviser`."""

    def __init__(self, finisher: Finisher) -> None:
        self._finisher = finisher

    def drop(self, digest: str) -> None:
        """Let an adapter go that no pair under way was given to."""
        if self.is_busy_with(digest):
            raise ValueError(f"pairs of adapter {digest[:12]} are under way")
        self._stream().desks.pop(digest, None)
        self._let_go(digest)

    def is_busy_with(self, digest: str) -> bool:
        return self._stream().is_busy_with(digest)

    def revise(self, pairs: Sequence[InstructionPair], choose: Choose = lambda _pair: None) -> list[Revision]:
        """Raises: EngineError, when a step fails with something else than memory."""
        return self._stream().revise(pairs, choose)

    def revise_stream(
        self, pairs: Iterable[InstructionPair], choose: Choose = lambda _pair: None
    ) -> Iterator[Revision]:
        """Each revision as it is ready; its `seconds` are from taken to ready. See `StreamingReviser`.

        Raises: EngineError, as `revise`; what was not given yet is forgotten.
        """
        for _, revision in self._stream().run(pairs, choose):
            yield revision

    @property
    def draws(self) -> bool:
        """See `coachlm.protocols.revising.AttemptingReviser`."""
        return self._stream().noise is not no_noise

    def attempt(
        self,
        pairs: Sequence[InstructionPair],
        attempts: Sequence[Attempt],
        choose: Choose = lambda _pair: None,
    ) -> list[list[Revision]]:
        """Raises: EngineError."""
        return self._stream().attempt(pairs, attempts, choose)

    def _open_desk(self, adapter: Adapter, **changes: Any) -> None:
        """`changes`: in what its desk differs from the base's, but for the finisher."""
        desks = self._stream().desks
        finisher = replace(self._finisher, adapter=adapter.digest, leaked=adapter.training_instructions)
        desks[adapter.digest] = replace(desks[None], finisher=finisher, **changes)

    @abstractmethod
    def _stream(self) -> PairStream:
        """Raises: EngineError, when closed."""

    @abstractmethod
    def _let_go(self, digest: str) -> None:
        """Give back what an adapter took, which has no desk any more."""
