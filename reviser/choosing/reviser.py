"""An engine that shows what it is sure of: of several candidates the one that is likeliest to save people work, or the
raw pair."""

from collections.abc import Callable, Sequence

from coachlm.acceptance.candidates import Candidate, distinct
from coachlm.acceptance.choosing import choose, weigh
from coachlm.acceptance.features import Beside
from coachlm.acceptance.model import AcceptanceModel
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from reviser.choosing.candidates import CandidateMaker


class ChoosingReviser:
    """See `coachlm.protocols.revising.Reviser`."""

    def __init__(
        self, maker: CandidateMaker, model: Callable[[], AcceptanceModel], threshold: float | None = None
    ) -> None:
        """`model` is asked once a call. `threshold`: a candidate has to be so likely to save work; None: as the model's
        training recommends."""
        self._maker = maker
        self._model = model
        self._threshold = threshold

    @property
    def name(self) -> str:
        return self._maker.engine.name

    @property
    def adapter(self) -> str | None:
        return self._maker.engine.adapter

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        """Raises: EngineError."""
        return choose_all(self._maker, self._model(), pairs, self._maker.candidates(pairs), self._threshold)

    def close(self) -> None:
        """Give the engines' memory back; closing twice is fine."""
        self._maker.close()


def choose_all(
    maker: CandidateMaker,
    model: AcceptanceModel,
    pairs: Sequence[InstructionPair],
    made: Sequence[Sequence[Candidate]],
    threshold: float | None = None,
) -> list[Revision]:
    """Of each pair what people see; a pair that the adapter was trained on keeps its original."""
    beside, least = beside_texts(maker, model, pairs, made), model.threshold if threshold is None else threshold
    return [
        candidates[0].revision
        if candidates[0].revision.outcome is Outcome.LEAK_GUARD
        else choose(raw, candidates, weigh(raw, candidates, model, beside), least)
        for raw, candidates in zip(pairs, made, strict=True)
    ]


def beside_texts(
    maker: CandidateMaker,
    model: AcceptanceModel,
    pairs: Sequence[InstructionPair],
    made: Sequence[Sequence[Candidate]],
) -> Beside:
    """What the model weighs beside the texts."""
    if "copy_edits" not in model.weights:
        return Beside()
    texts = [text for raw, own in zip(pairs, made, strict=True) for text in _texts(raw, own)]
    return Beside(mended=maker.mended(texts))


def _texts(raw: InstructionPair, candidates: Sequence[Candidate]) -> list[InstructionPair]:
    own = [each.text for each in distinct(candidates)]
    return [raw, *own] if own else []
