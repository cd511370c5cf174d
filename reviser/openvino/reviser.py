"""The engine `openvino`: converted models on OpenVINO GenAI's continuous batching, see `reviser/openvino/`."""

from dataclasses import dataclass

from coachlm.errors import EngineError, ModelError
from coachlm.protocols.revising import EngineLoad
from reviser.models.adapter import Adapter
from reviser.openvino.adapters import AdapterConversions
from reviser.openvino.decoder import DecoderOptions, GenaiDecoder
from reviser.openvino.folder import ConvertedModel
from reviser.pairs.finish import Finisher
from reviser.pairs.jobs import JobDesk
from reviser.pairs.pair_stream import PairStream, PairStreamReviser


@dataclass(frozen=True, slots=True)
class _Held:
    """What an open engine works with."""

    decoder: GenaiDecoder
    stream: PairStream


class OpenvinoReviser(PairStreamReviser):
    """Revises with a converted model; see `coachlm.protocols.revising.StreamingReviser`.

    Adapters are merged when they are converted, so each one held is a model of its own beside the others. They come and
    go while pairs are under way, between two steps.
    """

    def __init__(
        self,
        model: ConvertedModel,
        options: DecoderOptions,
        max_new_tokens: int,
        conversions: AdapterConversions | None = None,
        *,
        least_kept: float = 0.0,
    ) -> None:
        """`conversions`: where other adapters' converted models come from. Raises: ModelError."""
        finisher = Finisher("openvino", model.manifest.adapter, model.training_instructions, least_kept)
        decoder = GenaiDecoder(model, options)
        desk = JobDesk(model, finisher, max_new_tokens)
        stream = PairStream(decoder, {None: desk}, "COACHLM_ENGINE=packed goes without OpenVINO")
        super().__init__(finisher)
        self._conversions = conversions
        self._held: _Held | None = _Held(decoder, stream)
        if conversions is None:  # what follows the registry may never need its base alone
            decoder.hold(None)

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
        self._open_desk(adapter, loaded=model)

    def close(self) -> None:
        """Give the memory of models and caches back; closing twice is fine."""
        if self._held is not None:
            self._held.decoder.close()
            self._held = None
        if self._conversions is not None:
            self._conversions.close()

    def _stream(self) -> PairStream:
        return self._opened().stream

    def _let_go(self, digest: str) -> None:
        self._opened().decoder.drop(digest)

    def _opened(self) -> _Held:
        if self._held is None:
            raise EngineError("the engine is closed")
        return self._held
