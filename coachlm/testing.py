"""Fakes that stand in for the rooms' engines in anybody's tests."""

from collections.abc import Callable, Sequence

from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision

Script = Callable[[InstructionPair], InstructionPair | str]


class FakeReviser:
    """A `Reviser` that does as its script says: a pair is the revision, a text the reason why it fell back.

    An exception of the script fails the whole batch, as EngineError. `calls` keeps every batch that was asked for.
    """

    def __init__(self, script: Script, *, name: str = "fake", adapter: str | None = None) -> None:
        self._script = script
        self._name = name
        self._adapter = adapter
        self.calls: list[list[InstructionPair]] = []
        self.closed = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def adapter(self) -> str | None:
        return self._adapter

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        self.calls.append(list(pairs))
        try:
            return [self._revision(raw, self._script(raw)) for raw in pairs]
        except Exception as error:
            raise EngineError(f"the script failed: {error}") from error

    def close(self) -> None:
        self.closed = True

    def _revision(self, raw: InstructionPair, answer: InstructionPair | str) -> Revision:
        if isinstance(answer, str):
            outcome, revised, reason = Outcome.FALLBACK_INVALID, raw, answer
        else:
            outcome = Outcome.UNCHANGED if answer.id == raw.id else Outcome.REVISED
            revised, reason = (raw if outcome is Outcome.UNCHANGED else answer), None
        return Revision(raw.id, revised, outcome, self._name, self._adapter, reason)
