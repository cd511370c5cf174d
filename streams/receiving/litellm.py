"""Batches of LiteLLM's callback `generic_api`: an array of standard logging payloads, one of them, or one a line.

Source: LiteLLM documentation, "Generic API callback" (`log_format`: json_array, ndjson, single).
"""

from streams.receiving.lines import as_line, decoded

_ENVELOPE_LEVELS = 1


def read_payloads(body: bytes, max_nesting: int) -> list[bytes]:
    """Raises: InputError, for an array that is no JSON."""
    if not body.lstrip().startswith(b"["):
        return [line for line in body.split(b"\n") if line.strip()]
    return [as_line(item) for item in decoded(body, max_nesting + _ENVELOPE_LEVELS)]
