"""How an engine asks: the style that is asked for, the base's template, and what each adapter was trained with."""

from dataclasses import dataclass

from coachlm.coaching.prompting import PAPER, ChatFrame, Prompting, PromptStyle, choose_prompting
from coachlm.errors import ModelError
from coachlm.settings import Settings
from reviser.models.adapter import Adapter


@dataclass(frozen=True, slots=True)
class Asking:
    """What an engine's settings say of prompts; made for one base."""

    style: PromptStyle = "paper"
    prefill: bool = False  # instruction and input are given, the model writes the response alone

    def of_base(self, name: str, frame: ChatFrame | None) -> Prompting:
        """Raises: ModelError, where the base has no such prompt."""
        try:
            return choose_prompting(self.style, frame, None)
        except ValueError as error:
            raise ModelError(f"model {name}: {error} (COACHLM_PROMPT_STYLE=paper)") from error

    def of_adapter(self, adapter: Adapter) -> Prompting:
        """Raises: ModelError, where it was trained with another prompt than the settings ask for."""
        try:
            return choose_prompting(self.style, None, adapter.prompting)
        except ValueError as error:
            raise ModelError(f"adapter {adapter.folder}: {error}; set COACHLM_PROMPT_STYLE=auto") from error

    def of(self, name: str, frame: ChatFrame | None, adapter: Adapter | None) -> Prompting:
        return self.of_base(name, frame) if adapter is None else self.of_adapter(adapter)


def asking_of(settings: Settings) -> Asking:
    return Asking(settings.reviser.prompt_style, settings.reviser.prefill)


def styles(frame: ChatFrame | None) -> tuple[Prompting, ...]:
    """All that may come up with this base: adapters are trained with either."""
    return (PAPER,) if frame is None else (PAPER, Prompting(frame))
