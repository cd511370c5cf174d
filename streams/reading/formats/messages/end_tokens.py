"""Tokens that end a turn, left at the end of a text."""

import re

_LONGEST = 40  # of all end tokens


def without_end_tokens(text: str, token: re.Pattern[str]) -> str:
    """Without the tokens at the end and the white space around them; the text as it is where there are none.

    `token` matches one, at the end of what it is given. Looks at each character once, however many there are.
    """
    end = kept = len(text)
    while True:
        while end and text[end - 1].isspace():
            end -= 1
        found = token.search(text, max(0, end - _LONGEST), end)
        if found is None:
            return text[:kept]
        end = kept = found.start()
        while kept and text[kept - 1].isspace():
            kept -= 1
