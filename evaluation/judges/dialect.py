"""Which parameters a judge's server takes: asked for what is best, it says what it refuses, and is asked otherwise."""

import re
from dataclasses import dataclass, replace
from typing import Any

Schema = dict[str, Any]
"""A JSON schema that an answer has to follow."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a question is put. Current reasoning models want `max_completion_tokens` and their own temperature; servers
    without structured outputs refuse a `response_format`."""

    token_limit: str = "max_tokens"  # noqa: S105 - the name of a parameter
    temperature: bool = True
    structured: bool = True

    def parameters(self, max_completion_tokens: int, schema: Schema | None) -> dict[str, Any]:
        found: dict[str, Any] = {self.token_limit: max_completion_tokens}
        if self.temperature:
            found["temperature"] = 0
        if self.structured and schema is not None:
            answer = {"name": "answer", "strict": True, "schema": schema}
            found["response_format"] = {"type": "json_schema", "json_schema": answer}
        return found

    def after(self, refusal: str) -> "Dialect | None":
        """How to ask after a refusal in these words; None, when nothing in them is about a parameter."""
        if self.token_limit == "max_tokens" and "max_completion_tokens" in refusal:  # noqa: S105
            return replace(self, token_limit="max_completion_tokens")  # noqa: S106
        if self.temperature and re.search(r"temperature", refusal, re.IGNORECASE):
            return replace(self, temperature=False)
        if self.structured and _STRUCTURED.search(refusal):
            return replace(self, structured=False)
        return None


_STRUCTURED = re.compile(r"response_?format|json_?schema|structured|guided|grammar", re.IGNORECASE)
