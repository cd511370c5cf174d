"""Charts and tables that can be saved: a chart as PNG by its own menu, and the figures of both as CSV.

Streamlit's own menus offer CSV too, as the browser has the table: so a table is defused before it is shown.
"""

import csv
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

Columns = Mapping[str, tuple[str | None, str]]


def show_chart(chart: Any, table: pd.DataFrame, name: str, *, about: str) -> None:
    """`about` says how the figures are made."""
    st.altair_chart(_readable(chart), width="stretch")
    left, right = st.columns([5, 1])
    left.caption(about)
    right.download_button("CSV", csv_of(table), f"{name}.csv", "text/csv", key=f"csv {name}", width="stretch")


def _readable(chart: Any) -> Any:
    """Streamlit writes the labels of axes in a grey that is too faint on white."""
    colour = _LABELS.get(st.context.theme.type or "", "gray")
    axes = chart.configure_axis(labelColor=colour, titleColor=colour)
    return axes.configure_legend(labelColor=colour, titleColor=colour)


_LABELS = {"light": "#1c2128", "dark": "#e4e7eb"}  # textColor of .streamlit/config.toml


def show_table(table: pd.DataFrame, columns: Columns, name: str, *, button: str = "CSV") -> None:
    """`columns`: how the figures of a column are written, and how they are made, which stands in its tooltip."""
    safe = defused(table)
    config = {
        column: st.column_config.NumberColumn(format=form, help=about) for column, (form, about) in columns.items()
    }
    st.dataframe(safe, hide_index=True, width="stretch", column_config=config)
    st.download_button(button, csv_of(safe), f"{name}.csv", "text/csv", key=f"csv {name}")


def csv_of(table: pd.DataFrame) -> str:
    """Texts are quoted, also for a lone carriage return, which would begin a row of its own."""
    return defused(table).to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC)


def defused(table: pd.DataFrame) -> pd.DataFrame:
    """Cells that a spreadsheet would take for formulas begin with an apostrophe. Source: OWASP, CSV Injection."""
    return table.map(_defused)


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" \n")[:1] in _BEGIN_FORMULAS else value


_BEGIN_FORMULAS = frozenset("=+-@\t\r＝＋－＠")  # some locales compute the full-width forms, too
