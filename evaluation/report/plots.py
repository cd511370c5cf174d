"""Distributions before and after as inline SVG that takes its colours from the page's style sheet."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from evaluation.report.statistics import BIN_EDGES, Distribution

# Colours that occur nowhere else, each to be replaced by what the page defines.
_COLOURS = {"#010203": "currentColor", "#040506": "var(--before)", "#070809": "var(--after)", "#0a0b0c": "var(--line)"}
_TEXT, _BEFORE, _AFTER, _LINE = _COLOURS


def plot_lengths(title: str, before: Distribution, after: Distribution) -> str:
    """Shares of pairs per length in words, two bars a bin, as an `<svg>` element."""
    return _bars(title, "words", {"before": (before, _BEFORE), "after": (after, _AFTER)})


def plot_distances(title: str, distance: Distribution) -> str:
    """Shares of pairs per word edits, as an `<svg>` element."""
    return _bars(title, "words inserted, deleted or replaced", {"edits": (distance, _AFTER)})


def plot_ratings(title: str, histograms: Mapping[str, Mapping[float, int]]) -> str:
    """Shares of pairs per rating (paper Fig. 4), one or two histograms over the same bins, as an `<svg>` element."""
    colours = (_BEFORE, _AFTER) if len(histograms) > 1 else (_AFTER,)
    labels = [f"{edge:g}" for edge in next(iter(histograms.values()))]
    bars = {
        name: (list(counts.values()), colour)
        for (name, counts), colour in zip(histograms.items(), colours, strict=False)
    }
    return _draw(title, "rating (from each label up to the next)", labels, bars)


def plot_bars(title: str, what: str, values: Mapping[str, float]) -> str:
    """One bar a name, in per cent, as an `<svg>` element."""
    counts = [100 * value for value in values.values()]
    return _draw(title, "", list(values), {"": (counts, _AFTER)}, what, scale=False)


def _bars(title: str, unit: str, series: dict[str, tuple[Distribution, str]]) -> str:
    used = [i for values, _ in series.values() for i, count in enumerate(values.bins) if count] or [0]
    shown = range(min(used), max(used) + 1)
    bars = {name: ([values.bins[i] for i in shown], colour) for name, (values, colour) in series.items()}
    return _draw(title, f"{unit} (from each label up to the next)", [f"{BIN_EDGES[i]:,}" for i in shown], bars)


Heights = tuple[Sequence[float], str]  # and their colour


def _draw(
    title: str,
    unit: str,
    labels: Sequence[str],
    bars: Mapping[str, Heights],
    what: str = "% of pairs",
    *,
    scale: bool = True,
) -> str:
    """`scale`: heights are counts, to be shown as per cent of their sum."""
    width = 0.8 / len(bars)
    style = {"svg.fonttype": "none", "svg.hashsalt": title, "font.size": 9}
    with mpl.rc_context(rc=style):  # pyright: ignore[reportArgumentType]
        figure = Figure(figsize=(5.2, 2.7), layout="constrained")
        axes = figure.add_subplot()
        for number, (name, (values, colour)) in enumerate(bars.items()):
            left = [place + (number - (len(bars) - 1) / 2) * width for place in range(len(labels))]
            heights = [100 * value / max(1, sum(values)) if scale else value for value in values]
            axes.bar(left, heights, width, label=name, color=colour)
        axes.set_xticks(range(len(labels)), labels, rotation=45)
        axes.set_title(title, loc="left", color=_TEXT, fontsize=10)
        axes.set_xlabel(unit, color=_TEXT)
        axes.set_ylabel(what, color=_TEXT)
        axes.tick_params(colors=_TEXT, length=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_LINE)
        if len(bars) > 1:
            axes.legend(frameon=False, labelcolor=_TEXT)
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        return _inline(figure, title)


def _inline(figure: Figure, title: str) -> str:
    """Only the `<svg>` element, as wide as its place; without metadata, global styles and ids that would repeat."""
    buffer = BytesIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    svg = buffer.getvalue().decode()
    svg = re.sub(
        r"<metadata>(?:(?!<metadata>).)*?</metadata>|<style[^<]*</style>| id=\"[a-z.]+_\d+\"", "", svg, flags=re.DOTALL
    )
    view = re.search(r'viewBox="[^"]*"', svg)
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    for placeholder, colour in _COLOURS.items():
        body = body.replace(placeholder, colour)
    return f'<svg role="img" aria-label="{escape(title)}" {view and view[0]} xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
