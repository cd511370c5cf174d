"""Figures of one reviser over one set."""

from coachlm.text.markup import code_blocks, inline_code
from recipes.coach.damage import _FACTS


def share(hits: object) -> float:
    values = list(hits)  # type: ignore[call-overload]
    return sum(values) / max(len(values), 1)


def facts(text: str) -> set[str]:
    code = {text[block.start : block.end] for block in code_blocks(text)} | {text[a:b] for a, b in inline_code(text)}
    return code | {match[0].rstrip(".,:/") for match in _FACTS.finditer(text)}
