"""The engine `openai` as the settings say."""

from pathlib import Path

from coachlm.coaching.prompting import PAPER, Prompting
from coachlm.protocols.revising import Reviser
from coachlm.settings import Settings
from reviser.instructed.examples import ExampleStore
from reviser.instructed.prompts import Instructions
from reviser.models.adapter import read_adapter
from reviser.pairs.finish import Finisher
from reviser.pairs.prompts import Asking
from reviser.remote.answer_cache import AnswerCache
from reviser.remote.coaches import InstructedCoach
from reviser.remote.options import RemoteOptions
from reviser.remote.reviser import RemoteReviser


def tuned_on_servers(settings: Settings, asking: Asking) -> Reviser:
    """Raises: SettingsError, ModelError."""
    adapter = read_adapter(Path(settings.reviser.adapter)) if settings.reviser.adapter else None
    finisher = Finisher(
        engine="openai",
        adapter=adapter.digest if adapter else None,
        leaked=adapter.training_instructions if adapter else frozenset(),
        least_kept=settings.reviser.least_kept,
    )
    options = _options(settings, asking.of("", None, adapter) if adapter else PAPER)
    return RemoteReviser(options, finisher, adapter.folder if adapter else None)


def instructed_on_servers(settings: Settings, instructions: Instructions, examples: ExampleStore) -> Reviser:
    """Raises: SettingsError."""
    options, kept = _options(settings, PAPER), settings.instructing.answer_cache
    finisher = Finisher("openai", instructions.coach_id(options.model), least_kept=settings.reviser.least_kept)
    coach = InstructedCoach(finisher, options.max_new_tokens, options.model, instructions, examples)
    cache = AnswerCache(Path(kept).expanduser(), settings.instructing.answer_cache_mib << 20) if kept else None
    return RemoteReviser(options, finisher, None, coach, cache)


def _options(settings: Settings, prompting: Prompting) -> RemoteOptions:
    return RemoteOptions(
        servers=settings.openai.servers,
        model=settings.reviser.model or "",
        api_key=settings.openai.api_key.get_secret_value(),
        endpoint=settings.openai.endpoint,
        in_flight=settings.openai.in_flight,
        max_new_tokens=settings.reviser.max_new_tokens,
        request_seconds=settings.openai.request_seconds,
        outage_seconds=settings.openai.outage_seconds,
        prompting=prompting,
        budget_tokens=settings.instructing.budget_tokens,
    )
