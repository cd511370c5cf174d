"""Charts that can be saved: each with its own menu (PNG, SVG) and its figures as CSV."""

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
    """Cells that a spreadsheet would take for formulas are defused. Source: OWASP, CSV Injection."""
    return table.map(_defused).to_csv(index=False)


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
