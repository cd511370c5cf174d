"""Where the candidates of pairs come from: a model's attempts, a copy-editor, rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coachlm.acceptance.candidates import Candidate, Origin, asked
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Attempt, AttemptingReviser, Reviser


@dataclass(frozen=True, slots=True)
class Plan:
    """How many attempts a model has at each pair."""

    samples: int = 2  # drawn, half of them with instruction and input given
    prefilled: bool = True  # one more with instruction and input given

    def attempts(self, *, draws: bool) -> list[tuple[Origin, Attempt]]:
        """The likeliest text first: it stamps what is chosen."""
        found = [(Origin.GREEDY, Attempt())]
        if self.prefilled:
            found.append((Origin.PREFILLED, Attempt(prefill=True)))
        for number in range(self.samples if draws else 0):
            prefill = self.prefilled and number % 2 == 0
            found.append((Origin.PREFILLED_SAMPLED if prefill else Origin.SAMPLED, Attempt(prefill, number)))
        return found


class CandidateMaker:
    """Makes the candidates of many pairs at once; the engines belong to it until `close`."""

    def __init__(self, engine: Reviser, editors: Mapping[Origin, Reviser], plan: Plan = Plan()) -> None:
        """`editors`: engines without a model beside the one that is asked. One that makes no attempts has one text a
        pair."""
        self.engine = engine
        self._editors = dict(editors)
        self._plan = plan

    def candidates(self, pairs: Sequence[InstructionPair]) -> list[list[Candidate]]:
        """Of each pair the engine's first, valid or not; in one order but for the last, which some pairs lack.

        Raises: EngineError.
        """
        found = self._of_engine(pairs)
        for origin, editor in self._editors.items():
            for own, revision in zip(found, editor.revise(pairs), strict=True):
                own.append(Candidate(origin, revision))
        for pair, own in zip(pairs, found, strict=True):
            own += asked(pair, own)
        return found

    def mended(self, texts: Sequence[InstructionPair]) -> dict[str, InstructionPair]:
        """What the copy-editor makes of each text, by its id; nothing without one."""
        editor = self._editors.get(Origin.COPY_EDITED) or self._editors.get(Origin.RULES)
        if editor is None:
            return {}
        own = list({each.id: each for each in texts}.values())
        return {text.id: revision.revised for text, revision in zip(own, editor.revise(own), strict=True)}

    def close(self) -> None:
        self.engine.close()
        for editor in self._editors.values():
            editor.close()

    def _of_engine(self, pairs: Sequence[InstructionPair]) -> list[list[Candidate]]:
        if not isinstance(self.engine, AttemptingReviser):
            return [[Candidate(Origin.GREEDY, revision)] for revision in self.engine.revise(pairs)]
        attempts = self._plan.attempts(draws=self.engine.draws)
        made = self.engine.attempt(pairs, [attempt for _, attempt in attempts])
        origins = [origin for origin, _ in attempts]
        return [[Candidate(*each) for each in zip(origins, revisions, strict=True)] for revisions in made]
