"""An instructed coach on a model in process: its chat template around all that it is told, in one turn."""

from dataclasses import dataclass, replace
from pathlib import Path

from coachlm.coaching.prompting import Prompting
from coachlm.errors import ModelError
from coachlm.pairs import InstructionPair
from coachlm.prompt import first_response
from coachlm.revision import Revision
from reviser.instructed.answers import read_answer, read_response
from reviser.instructed.examples import ExampleStore
from reviser.instructed.prompts import Instructions
from reviser.instructed.revisions import told_revision
from reviser.pairs.finish import FREE, Finisher, Usage


@dataclass(frozen=True, slots=True)
class ToldFinisher(Finisher):
    """Finishes what a chat model wrote: there may be talk around it."""

    def from_text(self, raw: InstructionPair, text: str, usage: Usage = FREE) -> Revision:
        return told_revision(self, read_answer, raw, text, usage)

    def from_response(self, raw: InstructionPair, text: str, usage: Usage = FREE) -> Revision:
        return told_revision(self, read_response, raw, first_response(text, raw), usage)


@dataclass(frozen=True, slots=True)
class Told:
    """What a model in process is told, and shown."""

    instructions: Instructions
    examples: ExampleStore

    def prompting(self, model: str, base: Prompting) -> Prompting:
        """Raises: ModelError, for a model that doesn't chat."""
        if base.frame is None:
            raise ModelError(
                f"model {model}: an instructed coach needs a chat template; take a chat model and "
                "COACHLM_PROMPT_STYLE=auto, or COACHLM_COACH=tuned"
            )

        def asked(raw: InstructionPair) -> str:
            near = self.examples.nearest(raw, self.instructions.shown)
            shown = [each for each in near if not (base.is_broken_by(each.raw) or base.is_broken_by(each.revised))]
            return self.instructions.text(raw, shown)

        return replace(base, asked=asked)

    def finisher(self, engine: str, model: str, least_kept: float) -> ToldFinisher:
        return ToldFinisher(engine, self.coach_id(model), least_kept=least_kept)

    def coach_id(self, model: str) -> str:
        """The same wherever the model's folder lies."""
        folder = Path(model)
        return self.instructions.coach_id(folder.resolve().name if folder.is_dir() else model)
