"""The engine `openvino`: converted models on OpenVINO GenAI's continuous batching, see `reviser/openvino/`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from coachlm.errors import EngineError, ModelError
from coachlm.pairs import InstructionPair
from coachlm.protocols import EngineLoad
from coachlm.revision import Revision
from reviser.adapter import Adapter
from reviser.finish import Finisher
from reviser.jobs import JobDesk
from reviser.openvino.adapters import AdapterConversions
from reviser.openvino.decoder import DecoderOptions, GenaiDecoder
from reviser.openvino.folder import ConvertedModel
from reviser.pair_stream import Choose, PairStream


@dataclass(frozen=True, slots=True)
class _Held:
    """What an open engine works with."""

    decoder: GenaiDecoder
    stream: PairStream


class OpenvinoReviser:
    """Revises with a converted model; see `coachlm.protocols.StreamingReviser`.

    Adapters are merged when they are converted, so each one held is a model of its own beside the others. They come and
    go while pairs are under way, between two steps.
    """

    def __init__(
        self,
        model: ConvertedModel,
        options: DecoderOptions,
        max_new_tokens: int,
        conversions: AdapterConversions | None = None,
    ) -> None:
        """`conversions`: where other adapters' converted models come from. Raises: ModelError."""
        finisher = Finisher("openvino", model.manifest.adapter, model.training_instructions)
        decoder = GenaiDecoder(model, options)
        desk = JobDesk(model, finisher, max_new_tokens)
        stream = PairStream(decoder, {None: desk}, "COACHLM_ENGINE=packed goes without OpenVINO")
        self._finisher = finisher
        self._conversions = conversions
        self._held: _Held | None = _Held(decoder, stream)
        if conversions is None:  # what follows the registry may never need its base alone
            decoder.hold(None)

    @property
    def name(self) -> str:
        return self._finisher.engine

    @property
    def adapter(self) -> str | None:
        return self._finisher.adapter

    @property
    def cache_bytes(self) -> int:
        """Memory for keys and values, of all adapters held. Raises: EngineError, when closed."""
        return self._opened().decoder.cache_bytes

    def load(self) -> EngineLoad:
        """Raises: EngineError, when closed."""
        return self._opened().decoder.load

    def hold(self, adapter: Adapter) -> None:
        """From now on pairs may be revised by this adapter; those under way are not touched.

        Raises: ModelError, when the adapter can't be had, or not yet; nothing has changed then.
        """
        held = self._opened()
        if self._conversions is None:
            raise ModelError("this engine serves the adapter that its model was converted with, and no other")
        model = self._conversions.converted(adapter, wait=not held.decoder.is_open)  # once pairs flow, nothing waits
        held.decoder.hold(adapter.digest, model)
        finisher = replace(self._finisher, adapter=adapter.digest, leaked=adapter.training_instructions)
        held.stream.desks[adapter.digest] = replace(held.stream.desks[None], loaded=model, finisher=finisher)

    def drop(self, digest: str) -> None:
        """Let an adapter go that no pair under way was given to."""
        held = self._opened()
        if self.is_busy_with(digest):
            raise ValueError(f"pairs of adapter {digest[:12]} are under way")
        held.stream.desks.pop(digest, None)
        held.decoder.drop(digest)

    def is_busy_with(self, digest: str) -> bool:
        return self._opened().stream.is_busy_with(digest)

    def revise(self, pairs: Sequence[InstructionPair], choose: Choose = lambda _pair: None) -> list[Revision]:
        """Raises: EngineError, when a step fails."""
        return self._opened().stream.revise(pairs, choose)

    def revise_stream(
        self, pairs: Iterable[InstructionPair], choose: Choose = lambda _pair: None
    ) -> Iterator[Revision]:
        """Each revision as it is ready; its `seconds` are from taken to ready. See `StreamingReviser`.

        Raises: EngineError, as `revise`; what was not given yet is forgotten.
        """
        for _, revision in self._opened().stream.run(pairs, choose):
            yield revision

    def close(self) -> None:
        """Give the memory of models and caches back; closing twice is fine."""
        if self._held is not None:
            self._held.decoder.close()
            self._held = None
        if self._conversions is not None:
            self._conversions.close()

    def _opened(self) -> _Held:
        if self._held is None:
            raise EngineError("the engine is closed")
        return self._held
