"""How a server wants to be asked: what of a request it refuses to hear of, found out by asking."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from coachlm.http_answers import CHARS_PER_TOKEN

Structure = Literal["schema", "object", "none"]
"""What is demanded of an answer: JSON by a schema, any JSON object, nothing."""
_LESS: Mapping[Structure, Structure] = {"schema": "object", "object": "none"}
_TOO_LONG = re.compile(r"context.{0,20}length|context window|too long|too many tokens|maximum.{0,20}tokens", re.I)
_STRUCTURE = re.compile(r"response_format|json_schema|json_object|schema|grammar|guided|structured", re.I)


@dataclass(frozen=True, slots=True)
class Question:
    """What a server is to go on with: messages, or a prompt as it is."""

    max_new_tokens: int
    prompt: str = ""
    messages: tuple[Mapping[str, str], ...] = ()
    schema: Mapping[str, Any] | None = None  # of the answer, where the server can hold it

    @property
    def path(self) -> str:
        return "/chat/completions" if self.messages else "/completions"

    @property
    def chars(self) -> int:
        return len(self.prompt) + sum(len(message["content"]) for message in self.messages)

    @property
    def tokens(self) -> int:
        """By a guess; the server counts better."""
        return self.chars // CHARS_PER_TOKEN + 1


@dataclass(frozen=True, slots=True)
class Manners:
    """What may be said to one server."""

    structure: Structure = "schema"
    newer_limit: bool = False  # `max_completion_tokens`: OpenAI's reasoning models take no other
    temperature: bool = True

    def body(self, model: str, question: Question) -> dict[str, Any]:
        limit = "max_completion_tokens" if self.newer_limit else "max_tokens"
        body: dict[str, Any] = {"model": model, limit: question.max_new_tokens}
        if self.temperature:
            body["temperature"] = 0
        if question.messages:
            body["messages"] = list(question.messages)
        else:
            body["prompt"] = question.prompt
        if question.schema is not None and self.structure == "schema":
            asked = {"name": "revision", "strict": True, "schema": question.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": asked}
        elif question.schema is not None and self.structure == "object":
            body["response_format"] = {"type": "json_object"}
        return body

    def after(self, complaint: str, question: Question) -> "Manners | None":
        """What to try after the server refused a request; None: the request itself is at fault."""
        if not self.newer_limit and "max_completion_tokens" in complaint:
            return replace(self, newer_limit=True)
        if self.temperature and "temperature" in complaint:
            return replace(self, temperature=False)
        if question.schema is None or self.structure == "none":
            return None
        if _TOO_LONG.search(complaint) and not _STRUCTURE.search(complaint):
            return None
        return replace(self, structure=_LESS[self.structure])
