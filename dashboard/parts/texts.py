"""People's and models' texts as HTML that shows them as text, in any script and direction."""

from collections.abc import Iterable, Mapping
from html import escape

import streamlit as st

from api.models.base import PairText
from coachlm.revision import Field

_LABELS = {Field.INSTRUCTION: "Instruction", Field.INPUT: "Input", Field.RESPONSE: "Response"}
_BEGIN_CHARS = 160  # of an instruction, where a line has to do
_MAX_CHARS = 60_000  # more is cut for showing; the whole text stands in exports


def show_folded(pair: PairText, facts: str, detail: str = "") -> None:
    """A line with the beginning of the instruction and `facts`; what opens below it has all texts, after `detail`."""
    begin = " ".join(pair.instruction[:_BEGIN_CHARS].split()) or "(empty instruction)"
    texts = {_LABELS[field]: getattr(pair, field.value) for field in Field}
    show_folded_texts(begin, facts, [detail] if detail else [], texts)


def show_folded_texts(begin: str, facts: str, said: Iterable[str], texts: Mapping[str, str]) -> None:
    """A line; what opens below it has the sentences `said`, then the texts that aren't empty under their labels."""
    line = f'<b dir="auto">{plain(begin)}</b> <span>{plain(facts)}</span>'
    sentences = "".join(f'<p dir="auto">{plain(sentence)}</p>' for sentence in said)
    fields = "".join(_field(label, text) for label, text in texts.items())
    st.html(f'<details class="coachlm-folded"><summary>{line}</summary>{sentences}{fields}</details>')


def plain(text: str) -> str:
    """For HTML, within attributes too; nothing of it is markup. What is too long to be shown is cut, and says so."""
    cut = len(text) - _MAX_CHARS
    return escape(visible(text[:_MAX_CHARS])) + (f" … {cut:,} characters more" if cut > 0 else "")


def visible(text: str) -> str:
    """Control and direction characters, which could hide or turn text, by their code points."""
    return "".join(char if char in "\n\t" or not _hides(char) else f"⟨U+{ord(char):04X}⟩" for char in text)


def _hides(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f" or char in _DIRECTION or 0xD800 <= ord(char) <= 0xDFFF


_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def _field(name: str, text: str) -> str:
    """One that is empty isn't shown."""
    label = f'<p class="coachlm-label">{plain(name)}</p>'
    return f'{label}<div class="coachlm-text" dir="auto">{plain(text)}</div>' if text else ""
