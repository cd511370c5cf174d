"""The engine `openvino`: converted models on OpenVINO GenAI's continuous batching, see `reviser/openvino/`."""

from dataclasses import dataclass

from coachlm.coaching.prompting import Prompting, choose_prompting
from coachlm.errors import EngineError, ModelError
from coachlm.protocols.revising import EngineLoad
from reviser.instructed.in_process import Told
from reviser.models.adapter import Adapter
from reviser.openvino.adapters import AdapterConversions
from reviser.openvino.decoder import DecoderOptions, GenaiDecoder
from reviser.openvino.folder import ConvertedModel
from reviser.pairs.finish import Finisher
from reviser.pairs.jobs import JobDesk
from reviser.pairs.pair_stream import PairStream, PairStreamReviser
from reviser.pairs.prompts import Asking


def _prompting(model: ConvertedModel, asking: Asking) -> Prompting:
    """Of a merged adapter as it was trained, else of the base. Raises: ModelError."""
    if model.manifest.adapter is None:
        return asking.of_base(str(model.folder), model.frame)
    try:
        return choose_prompting(asking.style, None, model.prompting)
    except ValueError as error:
        raise ModelError(f"model {model.folder}: {error}; set COACHLM_PROMPT_STYLE=auto") from error


def _check_untuned(model: ConvertedModel) -> None:
    if model.manifest.adapter is not None:
        raise ModelError(
            f"model {model.folder} was converted with an adapter: it is tuned; convert its base alone to instruct it"
        )


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
        asking: Asking = Asking(),  # noqa: B008  # frozen
        told: Told | None = None,
    ) -> None:
        """`conversions`: where other adapters' converted models come from; `told`: of an instructed coach. Raises:
        ModelError."""
        finisher = Finisher("openvino", model.manifest.adapter, model.training_instructions, least_kept)
        prompting = _prompting(model, asking)
        if told is not None:
            _check_untuned(model)
            finisher = told.finisher("openvino", str(model.folder), least_kept)
            prompting = told.prompting(str(model.folder), prompting)
        decoder = GenaiDecoder(model, options)
        desk = JobDesk(model, finisher, max_new_tokens, prompting, asking.prefill)
        stream = PairStream(decoder, {None: desk}, "COACHLM_ENGINE=packed goes without OpenVINO")
        super().__init__(finisher)
        self._asking = asking
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
        held, prompting = self._opened(), self._asking.of_adapter(adapter)
        if self._conversions is None:
            raise ModelError("this engine serves the adapter that its model was converted with, and no other")
        model = self._conversions.converted(adapter, wait=not held.decoder.is_open)  # once pairs flow, nothing waits
        held.decoder.hold(adapter.digest, model)
        self._open_desk(adapter, loaded=model, prompting=prompting)

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
