"""How an answer ended, wherever a log says so: by a word, a number, a flag, or the name of an enumeration's member."""

import re
from typing import Any

from streams.reading.formats.parts.fields import Record, mapping, words

FINISH_KEYS = (
    "finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason", "completionReason",
    "completion_reason", "stop_type", "finish_type", "finish_details", "incomplete_details",
)  # fmt: skip
_CUT_FLAGS = ("stopped_limit", "truncated", "is_truncated", "cut_off", "interrupted", "aborted", "partial")
_WHOLE_FLAGS = ("is_finished", "is_complete", "completed", "finished", "stopped_eos", "stopped_word")
_INNER = ("details", "generation_info", "response_metadata", "additional_kwargs")
FINISHED = words(
    "stop end_turn eos eos_token stop_sequence end done complete completed finish finished success succeeded"
    " stopped end_of_turn endoftext end_of_text end_of_sequence eosfound stop_token stop_word word stop_str"
    " stopped_eos natural eot eot_id im_end stop_string stopstringfound normal ok finished_successfully"
)
_GEMINI = (
    "", "stop", "max_tokens", "safety", "recitation", "other", "blocklist", "prohibited_content", "spii",
    "malformed_function_call", "image_safety", "language",
)  # fmt: skip
_MEMBER = re.compile(r"<?(?:[A-Za-z_]\w*\.)+(\w+)(?:: ?.{1,40}>)?")
_PREFIX = re.compile(r"^(?:finish|stop|completion)[_-]?reason[_-]?|^finish_")


def finish_word(value: Any, *, numbers: bool = False) -> str | None:
    """The finish reason in plain lower case; None where the value says nothing. `numbers`: members of Gemini's enum."""
    if isinstance(value, dict):
        value = value.get("reason") or value.get("type") or value.get("finish_reason")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if numbers and isinstance(value, int | str) and str(value).isdecimal():
        value = _GEMINI[min(int(str(value)[:3]), len(_GEMINI) - 1)]
    if not isinstance(value, str):
        return None
    if match := _MEMBER.fullmatch(value.strip()):
        value = match[1]
    word = value.strip().lower().replace("-", "_").replace(" ", "_")
    word = _PREFIX.sub("", word)
    return None if word in ("", "unspecified", "none", "null") else word


def finish_of(record: Record) -> str | None:
    """What a record says about how the answer in it ended."""
    for key in FINISH_KEYS:
        if key in record and (word := finish_word(record[key])) is not None:
            return word
    for key in _CUT_FLAGS:
        if record.get(key) is True:
            return key
    for key in _WHOLE_FLAGS:
        if record.get(key) is False and not key.startswith("stopped_"):
            return f"not {key}"
    for key in _INNER:
        inner = mapping(record.get(key))
        for name in FINISH_KEYS:
            if name in inner and (word := finish_word(inner[name])) is not None:
                return word
    return None


def is_whole(finish: str) -> bool:
    return finish in FINISHED
