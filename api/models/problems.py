"""The one shape of every error that the service answers with. Source: RFC 9457."""

from pydantic import Field

from api.models.base import Given, Text

PROBLEM_JSON = "application/problem+json"


class FieldProblem(Given):
    """One field that was wrong."""

    where: Text
    message: Text


class Problem(Given):
    """What went wrong."""

    type: str = Field(description="`urn:coachlm:problem:CODE`; stable.")
    title: str
    status: int
    detail: Text = Field(description="What was wrong with which item, and what to do.")
    code: str = Field(description="For programs; stable.")
    request_id: str = Field(description="Also in the answer's X-Request-Id and in the service's log.")
    text_kept: bool = Field(default=False, description="The text that came with the request is kept as a draft.")
    errors: tuple[FieldProblem, ...] = ()
    retry_after_seconds: float | None = None
