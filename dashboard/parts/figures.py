"""Figures as tiles and what is wrong above them: plain HTML, which is there long before Streamlit's own elements are.

Every figure says how it is made, to mouse, finger and keyboard alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import streamlit as st

from dashboard.parts.texts import plain


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: its name, the number with its unit, its formula, and what stands small below it."""

    name: str
    value: str
    about: str
    note: str = ""


def show_figures(figures: Iterable[Figure], title: str = "") -> None:
    """In a row, which breaks where the window ends."""
    head = f"<h3>{plain(title)}</h3>" if title else ""
    st.html(f'{head}<dl class="coachlm-figures">{"".join(map(_tile, figures))}</dl>')


def show_facts(facts: Mapping[str, str]) -> None:
    """What is known of one thing, name by name."""
    lines = "".join(f"<dt>{plain(name)}</dt><dd dir=auto>{plain(value)}</dd>" for name, value in facts.items())
    st.html(f'<dl class="coachlm-facts">{lines}</dl>')


def show_alerts(texts: Iterable[str]) -> None:
    """What somebody should look at now."""
    alerts = "".join(f'<li role="alert">{plain(text)}</li>' for text in texts)
    if alerts:
        st.html(f'<ul class="coachlm-alerts">{alerts}</ul>')


def _tile(figure: Figure) -> str:
    name, about = plain(figure.name), plain(figure.about)
    note = f"<small>{plain(figure.note)}</small>" if figure.note else ""
    said = f'tabindex="0" role="note" aria-label="{about}" data-about="{about}"'
    return (
        f'<div><dt><span>{name}</span><span class="coachlm-about" {said}>?</span></dt>'
        f"<dd><b>{plain(figure.value)}</b>{note}</dd></div>"
    )
