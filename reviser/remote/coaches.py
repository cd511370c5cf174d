"""What a coach on a server is asked, and what its answers make of a pair: the tuned one and the instructed one."""

from dataclasses import dataclass
from typing import Protocol

from coachlm.coaching.prompting import PAPER, Prompting
from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt
from coachlm.revision import Revision
from reviser.instructed.answers import read_answer
from reviser.instructed.examples import ExampleStore
from reviser.instructed.prompts import Instructions
from reviser.instructed.revisions import told_revision
from reviser.instructed.wording import REVISION_SCHEMA
from reviser.pairs.finish import Finisher, Usage
from reviser.remote.completions import Endpoint
from reviser.remote.manners import Question


class RemoteCoach(Protocol):
    """Knows no server."""

    def question(self, raw: InstructionPair) -> tuple[Question, str | None]:
        """With the digest of what it says, for those answers that may be kept. Raises: UnicodeEncodeError."""
        ...

    def revision(self, raw: InstructionPair, text: str, usage: Usage) -> Revision:
        """Of a whole answer."""
        ...


@dataclass(frozen=True, slots=True)
class TunedCoach:
    """Is asked as it was trained, and writes the pair."""

    finisher: Finisher
    max_new_tokens: int
    endpoint: Endpoint = "completions"
    prompting: Prompting = PAPER

    def question(self, raw: InstructionPair) -> tuple[Question, str | None]:
        # A server that chats puts its own template around the prompt.
        chats = self.endpoint == "chat"
        prompt = coach_prompt(raw) if chats else self.prompting.text(raw)
        prompt.encode()
        if chats:
            return Question(self.max_new_tokens, messages=({"role": "user", "content": prompt},)), None
        return Question(self.max_new_tokens, prompt), None

    def revision(self, raw: InstructionPair, text: str, usage: Usage) -> Revision:
        return self.finisher.from_text(raw, text, usage)


@dataclass(frozen=True, slots=True)
class InstructedCoach:
    """Is told what an expert would do, and shown what experts did with the most similar pairs."""

    finisher: Finisher
    max_new_tokens: int
    model: str
    instructions: Instructions
    examples: ExampleStore

    def question(self, raw: InstructionPair) -> tuple[Question, str | None]:
        shown = self.examples.nearest(raw, self.instructions.shown)
        messages = self.instructions.messages(raw, shown)
        key = self.instructions.key(self.model, raw, shown)
        return Question(self.max_new_tokens, messages=messages, schema=REVISION_SCHEMA), key

    def revision(self, raw: InstructionPair, text: str, usage: Usage) -> Revision:
        return told_revision(self.finisher, read_answer, raw, text, usage)
