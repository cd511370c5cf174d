"""Policy: who gets a slot, which tokens of whom the next forward computes, what its answers mean. Knows no tensors."""

from collections import deque
from collections.abc import Collection, Iterator
from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field

from reviser.packed.drafts import NO_DRAFT, Draft, DraftGate, NgramIndex
from reviser.packed.sequence import Sequence
from reviser.pairs.requests import Completion, Failure, Request


@dataclass(frozen=True, slots=True)
class Row:
    """Consecutive tokens of one sequence in a step: from `sequence.cached` on, then the draft."""

    sequence: Sequence
    tokens: list[int]
    draft: Draft
    samples: bool  # whether it reaches the sequence's end, so that the next token is wanted

    @property
    def wanted(self) -> int:
        """How many of its last positions must be answered with a next token."""
        return 1 + len(self.draft.tokens) if self.samples else 0


@dataclass(frozen=True, slots=True)
class Step:
    """What the device does next, in this order."""

    clear: list[int]  # slots that hold NaN, which would leak through attention's masked places
    moves: list[tuple[int, int, int]]  # (from slot, to slot, tokens)
    admitted: list[Sequence]  # their first `cached` tokens come from the shared prefix
    rows: list[Row]


@dataclass(slots=True)
class Counts:
    """What the engine has computed; tokens, never times."""

    steps: int = 0
    rows: int = 0  # sequences under way, summed over the steps
    places: int = 0  # slots, summed over the steps
    computed_tokens: int = 0  # through the model, drafts included
    prefix_tokens: int = 0  # copied instead of computed
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    emitted_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be under way at once."""

    slots: int
    slot_tokens: int  # prompt and output of one sequence
    prefill_tokens: int = 512  # prompt tokens a step


@dataclass(slots=True)
class Scheduler:
    """First come, first served; answers come back through `record`."""

    limits: Limits
    eos_ids: Collection[int]
    prefix: list[int]  # tokens whose keys and values are at hand for every new sequence
    gate: DraftGate | None  # None: no drafts
    counts: Counts = field(default_factory=Counts)
    _waiting: deque[Request] = field(default_factory=deque)
    _active: list[Sequence | None] = field(init=False)  # by slot
    _poisoned: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._active = [None] * self.limits.slots

    def add(self, request: Request) -> None:
        self._waiting.append(request)

    @property
    def idle(self) -> bool:
        return not self._waiting and not any(self._active)

    @property
    def waiting(self) -> int:
        """Requests without a slot yet."""
        return len(self._waiting)

    def schedule(self) -> Step:
        """Fill the free slots, close the gaps that stay, and choose each sequence's tokens."""
        clear, self._poisoned = self._poisoned, []
        admitted = [self._admit(slot) for slot, held in enumerate(self._active) if held is None and self._waiting]
        return Step(clear, self._close_gaps(), admitted, list(self._rows()))

    def _admit(self, slot: int) -> Sequence:
        request = self._waiting.popleft()
        sequence = Sequence(
            request,
            slot,
            cached=_common(request.prompt, self.prefix),
            max_tokens=min(len(request.prompt) + request.max_new_tokens, self.limits.slot_tokens),
            ngrams=NgramIndex(len(request.prompt)) if self.gate else None,
        )
        self._active[slot] = sequence
        self.counts.prefix_tokens += sequence.cached
        return sequence

    def _close_gaps(self) -> list[tuple[int, int, int]]:
        """Move the last sequences down, so that attention runs over adjoining slots."""
        moves: list[tuple[int, int, int]] = []
        last = len(self._active) - 1
        for slot, held in enumerate(self._active):
            while last > slot and self._active[last] is None:
                last -= 1
            moved = self._active[last]
            if held is not None or last <= slot or moved is None:
                continue
            moves.append((last, slot, moved.cached))
            moved.slot = slot
            self._active[slot], self._active[last] = moved, None
        return moves

    def _rows(self) -> Iterator[Row]:
        prefill_left = self.limits.prefill_tokens
        active = [sequence for sequence in self._active if sequence]
        for sequence in active:
            if sequence.waiting == 1:
                draft = self._draft(sequence, len(active))
                yield Row(sequence, [sequence.tokens[-1], *draft.tokens], draft, samples=True)
            elif prefill_left:
                end = min(sequence.cached + prefill_left, len(sequence.tokens))
                prefill_left -= end - sequence.cached
                yield Row(sequence, sequence.tokens[sequence.cached : end], NO_DRAFT, end == len(sequence.tokens))

    def _draft(self, sequence: Sequence, rows: int) -> Draft:
        if self.gate is None or sequence.ngrams is None:
            return NO_DRAFT
        return self.gate.draft(sequence.tokens, sequence.ngrams, rows, at_most=sequence.room - 1)

    def took(self, rows: list[Row], seconds: float) -> None:
        """How long the device had a step: what drafts are worth follows from it."""
        if self.gate is not None and all(row.samples and len(row.tokens) == row.wanted for row in rows):
            self.gate.cost.observe(len(rows), sum(len(row.draft.tokens) for row in rows), seconds)

    def record(self, rows: list[Row], answers: list[list[int | None]]) -> list[Completion]:
        """Take each row's answers, `row.wanted` of them (None: not a number); returns what has ended."""
        self.counts.steps += 1
        self.counts.rows += len(rows)
        self.counts.places += self.limits.slots
        ended: list[Completion] = []
        for row, answer in zip(rows, answers, strict=True):
            self.counts.computed_tokens += len(row.tokens)
            if not row.samples:
                row.sequence.cached += len(row.tokens)
            elif completion := self._advance(row, answer):
                ended.append(completion)
                self._active[row.sequence.slot] = None
        return ended

    def _advance(self, row: Row, answer: list[int | None]) -> Completion | None:
        sequence, draft = row.sequence, row.draft.tokens
        accepted = 0
        while accepted < len(draft) and draft[accepted] == answer[accepted]:
            accepted += 1
        if self.gate is not None:
            self.gate.record(row.draft, accepted)
        new = self._until_eos(answer[: accepted + 1])
        numbers, ending = sequence.watched([token for token in new if token is not None])
        # What a wrong draft left behind in the slot is overwritten before anything can see it.
        sequence.cached += len(row.tokens) - len(draft) + accepted
        sequence.append(numbers)
        self.counts.drafted_tokens += len(draft)
        self.counts.accepted_tokens += min(accepted, len(numbers))
        self.counts.emitted_tokens += len(numbers)
        if ending is not None:
            return Completion(sequence.request.key, sequence.output, ending=ending)
        if len(numbers) < len(new):
            self._poisoned.append(sequence.slot)
            return Completion(sequence.request.key, sequence.output, Failure.NAN_LOGITS)
        if numbers[-1] in self.eos_ids or sequence.room == 0:
            return Completion(sequence.request.key, sequence.output)
        return None

    def _until_eos(self, tokens: list[int | None]) -> list[int | None]:
        end = next((place for place, token in enumerate(tokens) if token in self.eos_ids), len(tokens))
        return tokens[: end + 1]

    def shrink(self) -> list[Completion]:
        """After memory ran out: half the slots and half the prompt tokens a step; all start again.

        With nothing left to halve, the sequences under way fail.
        """
        active = [sequence for sequence in self._active if sequence]
        slots, prefill = self.limits.slots, self.limits.prefill_tokens
        self._active = [None] * max(slots // 2, 1)
        self._poisoned = []
        if slots == 1 and prefill == 1:
            return [Completion(s.request.key, s.output, Failure.OUT_OF_MEMORY) for s in active]
        self.limits = Limits(max(slots // 2, 1), self.limits.slot_tokens, max(prefill // 2, 1))
        self._waiting.extendleft(sequence.request for sequence in reversed(active))
        return []

    def abandon(self) -> None:
        """Forget every request; what their slots hold may be anything."""
        self._poisoned = list(range(self.limits.slots))
        self._active = [None] * self.limits.slots
        self._waiting.clear()

    def refusal(self, request: Request, vocabulary: int) -> Failure | None:
        """Why the request can't be taken at all."""
        if not request.prompt:
            return Failure.NO_PROMPT
        if len(request.prompt) >= self.limits.slot_tokens or request.max_new_tokens < 1:
            return Failure.TOO_LONG
        if not all(0 <= token < vocabulary for token in (min(request.prompt), max(request.prompt))):
            return Failure.UNKNOWN_TOKEN
        return None


def _common(prompt: Tokens[int], prefix: list[int]) -> int:
    """How many tokens of the prefix the prompt starts with; its last token is always left to compute."""
    pairs = enumerate(zip(prompt[:-1], prefix, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(prompt) - 1, len(prefix)))
