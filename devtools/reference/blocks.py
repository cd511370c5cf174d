"""Markdown pieces and the markers between which generated text stands."""

from collections.abc import Iterable, Sequence


def written(page: str, name: str, text: str) -> str:
    """The page with `text` between the markers of `name`.

    Raises: ValueError, where the page lacks the markers.
    """
    start, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
    before, found, rest = page.partition(start)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the page lacks the markers {start.strip()} and {end}")
    return f"{before}{start}{text.strip()}\n{end}{after}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def sentence(text: str) -> str:
    """With a capital letter in front and a full stop behind; code in front stays as it is."""
    text = text.strip()
    if not text:
        return ""
    first = text if text[0] in "`(" else text[0].upper() + text[1:]
    return first if first.endswith((".", "?", "…")) else f"{first}."
