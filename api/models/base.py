"""What all models share: texts that UTF-8 can write, and names with bounds."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from coachlm.desk.rubric import Dimension, Scores
from coachlm.pairs import InstructionPair

MAX_NAME_CHARS = 200
MAX_KEY_CHARS = 200
MAX_COMMENT_CHARS = 10_000


def without_surrogates(text: str) -> str:
    """A lone surrogate, which JSON can escape and UTF-8 can't write, becomes U+FFFD; positions stay."""
    if text.isascii():
        return text
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


Text = Annotated[str, AfterValidator(without_surrogates)]
Comment = Annotated[Text, Field(max_length=MAX_COMMENT_CHARS)]
Name = Annotated[Text, Field(min_length=1, max_length=MAX_NAME_CHARS)]
LeaseToken = Annotated[Text, Field(min_length=1, max_length=64, description="Of the item that was claimed.")]
PairId = Annotated[Text, Field(min_length=1, max_length=64, description="32 hex digits.")]
Key = Annotated[Text, Field(min_length=1, max_length=MAX_KEY_CHARS, description="Drawn once for what is sent.")]
Writer = Annotated[Text, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="A name of the browser's own.")]
Version = Annotated[int, Field(ge=0, le=2**31 - 1, description="Of the pair, as it was last seen.")]


class Given(BaseModel):
    """What the service gives; read from the domain's values by their names."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Taken(BaseModel):
    """What the service takes: a field it doesn't know is an error, not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PairText(BaseModel):
    """The three texts of a pair."""

    model_config = ConfigDict(from_attributes=True, frozen=True, extra="forbid")

    instruction: Text
    input: Text = ""
    response: Text

    def pair(self) -> InstructionPair:
        return InstructionPair(self.instruction, self.input, self.response)

    @classmethod
    def of(cls, pair: InstructionPair) -> "PairText":
        return cls(instruction=pair.instruction, input=pair.input, response=pair.response)


class ScoreCard(BaseModel):
    """Scores by the rubric of Table II; a score outside the range of its flaws is refused with the range."""

    model_config = ConfigDict(from_attributes=True, frozen=True, extra="forbid")

    instruction: int
    response: int
    flaws: frozenset[Dimension] = frozenset()

    def scores(self) -> Scores:
        """Raises: RubricError."""
        return Scores(self.instruction, self.response, self.flaws)
