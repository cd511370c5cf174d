"""Which text shows nothing: white space, and characters that take no room or are drawn empty."""

import re

_UNSEEN = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]*"
)


def is_blank(text: str) -> bool:
    """Whether nobody would see anything of the text."""
    return not text or text.isspace() or (not text[0].isalnum() and _UNSEEN.fullmatch(text) is not None)
