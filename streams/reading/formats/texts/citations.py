"""Marks by which chat programs point at sources, images and the end of a turn; they say nothing outside the program.

Source: texts of ChatGPT (private use characters around `cite`), OpenAI's Assistants (`【4:0†source】`), Claude (`<cite
index=…>`), Grok; end tokens of chat templates.
"""

import json
import re

from streams.reading.formats.messages.end_tokens import without_end_tokens

_MARKED = re.compile("(?P<gap> ?)\ue200(?P<kind>[a-z_]{1,30})\ue202?(?P<payload>[^\ue200\ue201]{0,4000})\ue201")
_NAKED = re.compile(r" ?(?:file)?cite(?:turn\d{1,4}[a-z]{3,20}\d{1,4})+")
_OTHERS = re.compile(
    r" ?【\d{1,4}(?::\d{1,4})?†[^】\n]{0,200}】|:contentReference\[oaicite:\d{1,5}\](?:\{index=\d{1,5}\})?"
    r"|<grok:render\b[^<>]{0,500}>(?:(?!<grok:render).){0,2000}?</grok:render>|:antCitation\[[^\]\n]{0,200}\]\{[^}\n]{0,500}\}",
    re.S,
)
_CITE = re.compile(r'<cite index="[\d,: -]{1,100}">((?:(?!cite index=).){0,4000}?)</cite>', re.S)
_HINTS = ("\ue200", "【", "citeturn", "oaicite", "<cite index", "<grok:", "antCitation")
_END_TOKEN = re.compile(
    r"(?:<\|(?:im_end|eot_id|end_of_text|endoftext|end|return|eom_id|END_OF_TURN_TOKEN|end_of_turn)\|>"
    r"|<end_of_turn>|</s>|<｜end▁of▁sentence｜>|<eos>)\Z"
)


def without_marks(text: str) -> str:
    """An answer without citation marks and without the token that ended it."""
    if any(hint in text for hint in _HINTS):
        text = _MARKED.sub(_replacement, text)
        text = _OTHERS.sub("", _NAKED.sub("", text))
        text = _CITE.sub(r"\1", text)
    return without_end_tokens(text, _END_TOKEN)


def _replacement(match: re.Match[str]) -> str:
    """What a reader sees of a mark: names and links have a text, citations none."""
    gap, payload = match["gap"], match["payload"]
    if match["kind"] == "entity":
        try:
            shown = json.loads(payload)[1]
        except (ValueError, LookupError, TypeError):
            return gap
        return f"{gap}{shown}" if isinstance(shown, str) else gap
    if match["kind"] in ("url", "link"):
        return gap + payload.split("\ue202")[0]
    following = match.string[match.end() : match.end() + 1]
    return gap if following.isalnum() else ""
