"""Distributions before and after as inline SVG that takes its colours from the page's style sheet."""

import re
from io import BytesIO

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from evaluation.statistics import BIN_EDGES, Distribution

# Colours that occur nowhere else, each to be replaced by what the page defines.
_COLOURS = {"#010203": "currentColor", "#040506": "var(--before)", "#070809": "var(--after)", "#0a0b0c": "var(--line)"}
_TEXT, _BEFORE, _AFTER, _LINE = _COLOURS


def plot_lengths(title: str, before: Distribution, after: Distribution) -> str:
    """Shares of pairs per length in words, two bars a bin, as an `<svg>` element."""
    return _bars(title, "words", {"before": (before, _BEFORE), "after": (after, _AFTER)})


def plot_distances(title: str, distance: Distribution) -> str:
    """Shares of pairs per word edits, as an `<svg>` element."""
    return _bars(title, "words inserted, deleted or replaced", {"edits": (distance, _AFTER)})


def _bars(title: str, unit: str, series: dict[str, tuple[Distribution, str]]) -> str:
    used = [i for values, _ in series.values() for i, count in enumerate(values.bins) if count] or [0]
    shown = range(min(used), max(used) + 1)
    width = 0.8 / len(series)
    style = {"svg.fonttype": "none", "svg.hashsalt": title, "font.size": 9}
    with mpl.rc_context(rc=style):  # pyright: ignore[reportArgumentType]
        figure = Figure(figsize=(5.2, 2.7), layout="constrained")
        axes = figure.add_subplot()
        for number, (name, (values, colour)) in enumerate(series.items()):
            left = [place + (number - (len(series) - 1) / 2) * width for place in range(len(shown))]
            heights = [100 * values.bins[i] / max(1, values.count) for i in shown]
            axes.bar(left, heights, width, label=name, color=colour)
        axes.set_xticks(range(len(shown)), [f"{BIN_EDGES[i]:,}" for i in shown], rotation=45)
        axes.set_title(title, loc="left", color=_TEXT, fontsize=10)
        axes.set_xlabel(f"{unit} (from each label up to the next)", color=_TEXT)
        axes.set_ylabel("% of pairs", color=_TEXT)
        axes.tick_params(colors=_TEXT, length=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_LINE)
        if len(series) > 1:
            axes.legend(frameon=False, labelcolor=_TEXT)
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        return _inline(figure, title)


def _inline(figure: Figure, title: str) -> str:
    """Only the `<svg>` element, as wide as its place; without metadata, global styles and ids that would repeat."""
    buffer = BytesIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    svg = buffer.getvalue().decode()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>| id=\"[a-z.]+_\d+\"", "", svg, flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]*"', svg)
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    for placeholder, colour in _COLOURS.items():
        body = body.replace(placeholder, colour)
    return f'<svg role="img" aria-label="{title}" {view and view[0]} xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
