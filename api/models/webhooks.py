"""What senders of batches are told."""

from pydantic import Field

from api.models.base import Given, Text


class BatchSummary(Given):
    """What became of a batch of records."""

    records: int
    ok: int = Field(description="Records that a generation was read from.")
    refused: int
    reasons: dict[str, int] = Field(description="Why the others are none; each is stored with its reason.")


class IngestionSuccess(Given):
    """An event that was taken."""

    id: Text
    status: int = 201


class IngestionError(Given):
    """An event that can't be taken; sending it again changes nothing."""

    id: Text
    status: int = 400
    message: Text
    error: Text = ""


class IngestionResponse(Given):
    """What became of each event of a batch."""

    successes: tuple[IngestionSuccess, ...]
    errors: tuple[IngestionError, ...]
