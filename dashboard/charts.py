"""Charts and tables that can be saved: as PNG or SVG by a chart's own menu, and their figures as CSV.

Streamlit's own menus offer CSV too, as the browser has the table: so a table is defused before it is shown.
"""

import csv
from typing import Any

import pandas as pd
import streamlit as st


def show_chart(chart: Any, table: pd.DataFrame, name: str, *, about: str) -> None:
    """`about` says how the figures are made; the chart's menu saves it as PNG or SVG."""
    st.altair_chart(chart, width="stretch")
    left, right = st.columns([5, 1])
    left.caption(about)
    right.download_button("CSV", csv_of(table), f"{name}.csv", "text/csv", key=f"csv {name}", width="stretch")


def csv_of(table: pd.DataFrame) -> str:
    """Texts are quoted, also for a lone carriage return, which would begin a row of its own."""
    return defused(table).to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC)


def defused(table: pd.DataFrame) -> pd.DataFrame:
    """Cells that a spreadsheet would take for formulas begin with an apostrophe. Source: OWASP, CSV Injection."""
    return table.map(_defused)


def _defused(value: Any) -> Any:
    return (
        f"'{value}" if isinstance(value, str) and value.lstrip(" \n")[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    )
