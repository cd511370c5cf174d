"""Spans of a text that are not prose: code, links, tables, placeholders. What mends or judges prose goes round them."""

import re
from bisect import bisect_left
from dataclasses import dataclass

_FENCE = re.compile(r"^[ \t>]*(?:[-*+] )?(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_INLINE_CODE = re.compile(r"(?<!`)(`{1,2})(?!`)[^`\n]{1,300}\1(?!`)")
_SPECIAL = re.compile(r"[`:@/\\<$\{|]|www|^(?:\t|    )", re.MULTILINE)  # no span below does without one of these
_NOT_PROSE = re.compile(
    r"""
    (?<!`)(?P<ticks>`{1,2})(?!`)[^`\n]{1,300}(?P=ticks)(?!`)     # inline code
    | \b(?:https?|ftp|file|mailto|data):[^\s<>"'`]{1,2000}       # links
    | \bwww\.[^\s<>"'`]{1,2000}
    | (?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}            # e-mail
    | (?<![\w/])(?:~|\.{1,2})?/(?:[\w.@+-]{1,100}/){1,20}[\w.@+-]{0,100}    # paths
    | \b[A-Za-z]:\\[^\s"'<>|]{1,300}
    | <[A-Z][A-Z_]{1,30}_\d{1,9}>                                # placeholders of personal data
    | </?[A-Za-z!][^<>\n]{0,300}>                                # HTML, XML
    | \$\$[^$]{1,500}\$\$ | \\\((?:(?!\\\()[^\n]){1,200}?\\\) | \\\[(?:(?!\\\[)[^\n]){1,200}?\\\]  # LaTeX
    | \$(?=[^$\n]{0,200}[=\\^_{}])[^$\s][^$\n]{0,200}\$(?![\w$])
    | \{\{[^{}\n]{1,200}\}\} | \$\{[^{}\n]{1,200}\}              # templates
    | ^[ \t]*\|[^\n]*$                                           # table rows
    | ^[^\n|]*\|[^\n|]*\|[^\n]*$
    | ^(?:\t|[ ]{4})[^\n]*[;{}()=<>][^\n]*$                     # indented code
    """,
    re.VERBOSE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced code block: characters `start:end` of the text with its fences; `body` is what lies between them."""

    start: int
    end: int
    body: str
    closed: bool  # False: the fence runs to the end of the text


def code_blocks(text: str) -> list[CodeBlock]:
    """The fenced blocks in order. Source: CommonMark 0.31 §4.5 (a fence closes with at least its own length)."""
    blocks: list[CodeBlock] = []
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opening is None:
            # Backticks after the opening ones make it inline code, not a fence.
            opening = None if fence[1][0] == "`" and "`" in fence[2] else fence
        elif fence[1].startswith(opening[1]) and not fence[2].strip():
            blocks.append(CodeBlock(opening.start(), fence.end(), text[opening.end() + 1 : fence.start()], True))
            opening = None
    if opening is not None:
        blocks.append(CodeBlock(opening.start(), len(text), text[opening.end() + 1 :], False))
    return blocks


def inline_code(text: str) -> list[tuple[int, int]]:
    """Spans of inline code, back-ticks included, outside fenced blocks."""
    blocks = code_blocks(text)
    return _between(text, _INLINE_CODE, blocks) if "`" in text else []


def protected_spans(text: str) -> list[tuple[int, int]]:
    """Spans that are not prose, fenced blocks included, in order and without overlap."""
    blocks = code_blocks(text)
    found = _between(text, _NOT_PROSE, blocks) if _SPECIAL.search(text) else []
    return sorted([*found, *((block.start, block.end) for block in blocks)])


def _between(text: str, pattern: re.Pattern[str], blocks: list[CodeBlock]) -> list[tuple[int, int]]:
    """Where the pattern matches outside the blocks."""
    edges = [0, *(edge for block in blocks for edge in (block.start, block.end)), len(text)]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return [match.span() for start, end in gaps for match in pattern.finditer(text, start, end)]


def overlaps(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether `start:end` touches one of the spans, which are in order and without overlap."""
    before = bisect_left(spans, (end,))
    return before > 0 and spans[before - 1][1] > start


def prose(text: str) -> str:
    """The text with every span that is not prose replaced by a space."""
    pieces: list[str] = []
    position = 0
    for start, end in protected_spans(text):
        pieces += [text[position:start], " "]
        position = end
    return "".join([*pieces, text[position:]])
