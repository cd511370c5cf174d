"""What is asked of a decoder, and how it ended."""

from collections.abc import Callable
from collections.abc import Sequence as Tokens
from dataclasses import dataclass
from enum import StrEnum

from reviser.pairs.endings import Ending, Watch


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt to continue; `key` is the caller's own and comes back with the completion."""

    key: int
    prompt: Tokens[int]
    max_new_tokens: int
    adapter: str | None = None  # whose weights continue it, see `Engine.hold`; None: the model's own
    noise: int | None = 0  # where its draws come from, see `Sampling.noise`; None: the likeliest tokens in any engine
    watch: Callable[[], Watch] | None = None  # a new one each time that it is begun; None: only its model ends it


class Failure(StrEnum):
    """Why a request has no usable output; the others are unharmed."""

    NO_PROMPT = "no_prompt"  # the prompt holds no token
    TOO_LONG = "too_long"  # the prompt leaves no room in a slot, or no token was allowed
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105  # a prompt's id is outside the model's vocabulary
    NAN_LOGITS = "nan_logits"  # the model computed no usable numbers
    OUT_OF_MEMORY = "out_of_memory"  # memory ran out even with one pair at a time


@dataclass(frozen=True, slots=True)
class Completion:
    """The new tokens, with the end-of-sequence token if it came; on a failure, those made before it."""

    key: int
    tokens: list[int]
    failure: Failure | None = None
    ending: Ending | None = None  # what ended it before its model did
