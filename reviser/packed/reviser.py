"""The engine `packed`: revises many pairs at once over a packed stream, see `reviser/packed/engine.py`."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from coachlm.coaching.prompting import PAPER, Prompting
from coachlm.errors import EngineError, ModelError
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import EngineLoad
from reviser.models.adapter import Adapter
from reviser.models.adapter_weights import AdapterWeights
from reviser.models.model_loading import LoadedModel
from reviser.models.sampling import Sampling
from reviser.packed.engine import Engine, EngineOptions
from reviser.packed.graphs import Graphs
from reviser.packed.scheduler import Counts
from reviser.packed.tile_attention import AttentionKind
from reviser.pairs.finish import Finisher
from reviser.pairs.jobs import JobDesk
from reviser.pairs.pair_stream import PairStream, PairStreamReviser, no_noise
from reviser.pairs.prompts import Asking, styles

_SLACK_TOKENS = 16  # a prompt's texts may take a few tokens more than they do by themselves
_NOTHING = InstructionPair("", "", "")
_ADAPTERS = 3  # the current one, a canary, and one on its way out


@dataclass(frozen=True, slots=True)
class PackedOptions:
    """How much the engine holds at once."""

    cache_bytes: int
    max_slots: int
    max_new_tokens: int
    drafts: bool = True
    half_cache: bool = False  # keys and values in 16 bits, whatever the model computes in
    int8_cache: bool = False  # in 8 bits; of a model on the CPU
    graphs: Graphs | None = None  # None: steps of free shapes, one operation at a time
    attention: AttentionKind = "auto"  # of captured steps
    sampling: Sampling | None = None  # None: greedy
    asking: Asking = Asking()  # noqa: RUF009  # frozen
    shown_tokens: int = 0  # that examples may take in a prompt


@dataclass(frozen=True, slots=True)
class _Held:
    """What an open engine works with."""

    engine: Engine
    weights: AdapterWeights
    stream: PairStream


class PackedReviser(PairStreamReviser):
    """Revises with a loaded model; see `coachlm.protocols.revising.Reviser`.

    Until `close` the model belongs to this engine: its attention is set to the slots. The more pairs a call brings
    beyond the slots, the fuller they stay. Adapters come and go while pairs are under way, between two steps.
    """

    def __init__(
        self, loaded: LoadedModel, finisher: Finisher, options: PackedOptions, prompting: Prompting = PAPER
    ) -> None:
        """`prompting`: of the model as it was loaded; adapters that come bring their own.

        Raises: UnsupportedModel, with the reason; the model is then as it was.
        """
        super().__init__(finisher)
        self._asking = options.asking
        desk = JobDesk(loaded, finisher, options.max_new_tokens, prompting, options.asking.prefill)
        prefix = desk.shared_prefix()
        # A pair that needs more than `max_new_tokens` to be written again is refused, so no prompt is longer than this.
        asked = {prompting, *styles(loaded.frame)}
        around = max(len(replace(desk, prompting=each).prompt(_NOTHING)) for each in asked) + options.shown_tokens
        longest = around + 2 * options.max_new_tokens + _SLACK_TOKENS
        engine_options = EngineOptions(
            cache_bytes=options.cache_bytes,
            max_slots=options.max_slots,
            slot_tokens=min(loaded.context_tokens, longest),
            drafts=options.drafts,
            cache_dtype=_cache_dtype(options, loaded.model),
            adapters=_ADAPTERS,
            graphs=options.graphs,
            attention=options.attention,
            sampling=options.sampling,
        )
        weights = AdapterWeights(loaded)
        engine = Engine(loaded.model, loaded.eos_ids, engine_options, prefix, weights.switch)
        noise = options.sampling.noise if options.sampling else no_noise
        stream = PairStream(engine, {None: desk}, "COACHLM_ENGINE=transformers goes without it", noise)
        self._held: _Held | None = _Held(engine, weights, stream)

    @property
    def counts(self) -> Counts:
        """Raises: EngineError, when closed."""
        return self._opened().engine.counts

    def load(self) -> EngineLoad:
        """Raises: EngineError, when closed."""
        counts = self.counts
        return EngineLoad(counts.steps, counts.rows, counts.places, counts.drafted_tokens, counts.accepted_tokens)

    def hold(self, adapter: Adapter) -> None:
        """From now on pairs may be revised by this adapter; those under way are not touched.

        Raises: ModelError, when the adapter doesn't fit; nothing has changed then.
        """
        held, prompting = self._opened(), self._asking.of_adapter(adapter)
        held.weights.add(adapter)
        try:
            held.engine.hold(adapter.digest)
        except Exception as error:  # most often there is no memory left
            held.weights.drop(adapter.digest)
            raise ModelError(f"adapter {adapter.folder} can't be computed with: {error}") from error
        self._open_desk(adapter, prompting=prompting)

    def close(self) -> None:
        """Give the memory of model and cache back; closing twice is fine."""
        if self._held is not None:
            self._held.engine.close()
            self._held = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _stream(self) -> PairStream:
        return self._opened().stream

    def _let_go(self, digest: str) -> None:
        held = self._opened()
        held.engine.drop(digest)
        held.weights.drop(digest)

    def _opened(self) -> _Held:
        if self._held is None:
            raise EngineError("the engine is closed")
        return self._held


def _cache_dtype(options: PackedOptions, model: Any) -> torch.dtype | None:
    """None: the model's own."""
    if options.half_cache and model.dtype == torch.float32:
        return torch.float16
    return torch.int8 if options.int8_cache and model.device.type == "cpu" else None
