"""The one place where an engine's text becomes a `Revision`: hygiene, parsing, validity, guards, flags, outcome."""

from dataclasses import dataclass, replace

from coachlm.errors import PromptError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.prompt import first_pair, first_response, parse_revised
from coachlm.revision import Outcome, Revision
from coachlm.text.guards import Guard, flags, kept, refusal
from coachlm.text.hygiene import clean_output, invalid_reason


@dataclass(frozen=True, slots=True)
class Usage:
    """What a revision cost."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0


FREE = Usage()


@dataclass(frozen=True, slots=True)
class Finisher:
    """Finishes the revisions of one engine and adapter."""

    engine: str
    adapter: str | None = None
    leaked: frozenset[str] = frozenset()  # content hashes of the instructions that the adapter was trained on
    least_kept: float = 0.0  # share of the response's long words; a revision that keeps less is refused

    def leaks(self, raw: InstructionPair) -> bool:
        """Whether the instruction was in the adapter's training data; such a pair keeps its original."""
        return bool(self.leaked) and content_hash(raw.instruction) in self.leaked

    def from_text(self, raw: InstructionPair, text: str, usage: Usage = FREE) -> Revision:
        """The revision that a model wrote as text."""
        try:
            revised = parse_revised(first_pair(clean_output(text, raw), raw), raw)
        except PromptError:
            return self.fallback(raw, Outcome.FALLBACK_INVALID, "not_a_pair", usage)
        return self.from_pair(raw, revised, usage)

    def from_response(self, raw: InstructionPair, text: str, usage: Usage = FREE) -> Revision:
        """The revision of which a model wrote the response alone: instruction and input stay as they are."""
        response = first_response(clean_output(text, raw), raw).strip()
        if not response:
            return self.fallback(raw, Outcome.FALLBACK_INVALID, "not_a_pair", usage)
        return self.from_pair(raw, replace(raw, response=response), usage)

    def from_pair(self, raw: InstructionPair, revised: InstructionPair, usage: Usage = FREE) -> Revision:
        """The revision whose fields are known."""
        if revised.says_the_same(raw):
            return self.fallback(raw, Outcome.UNCHANGED, None, usage)
        if reason := invalid_reason(revised, raw):
            return self.fallback(raw, Outcome.FALLBACK_INVALID, reason, usage)
        if guard := refusal(raw, revised):
            return self.fallback(raw, Outcome.FALLBACK_GUARD, guard.value, usage)
        if self.least_kept and kept(raw, revised).words < self.least_kept:
            return self.fallback(raw, Outcome.FALLBACK_GUARD, Guard.LOST_CONTENT.value, usage)
        return self._revision(raw, revised, Outcome.REVISED, None, usage)

    def fallback(self, raw: InstructionPair, outcome: Outcome, reason: str | None, usage: Usage = FREE) -> Revision:
        """The raw pair, kept as it is."""
        return self._revision(raw, raw, outcome, reason, usage)

    def _revision(
        self, raw: InstructionPair, revised: InstructionPair, outcome: Outcome, reason: str | None, usage: Usage
    ) -> Revision:
        return Revision(
            pair_id=raw.id,
            revised=revised,
            outcome=outcome,
            engine=self.engine,
            adapter=self.adapter,
            reason=reason,
            flags=flags(raw, revised) if outcome is Outcome.REVISED else (),
            prompt_tokens=usage.prompt_tokens,
            output_tokens=usage.output_tokens,
            seconds=usage.seconds,
        )


class WithFinisher:
    """What engines are called: as their `_finisher`, which they set, stamps their revisions."""

    _finisher: Finisher

    @property
    def name(self) -> str:
        return self._finisher.engine

    @property
    def adapter(self) -> str | None:
        return self._finisher.adapter
