"""Charts that can be saved: as PNG by their own menu, and their figures as CSV.

A chart is a Vega-Lite specification without its data. Source: https://vega.github.io/vega-lite/docs/
Its menu offers CSV too, as the browser has the figures: so they are defused before they are shown.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow
import streamlit as st

from coachlm.text.spreadsheets import defuse_cell

Row = Mapping[str, Any]
Rows = Sequence[Row]
Spec = dict[str, Any]


def show_chart(spec: Spec, rows: Rows, name: str, *, about: str) -> None:
    """`about` says how the figures are made."""
    table = pyarrow.Table.from_pylist([{key: defused(value) for key, value in row.items()} for row in rows])
    st.vega_lite_chart(table, _readable(spec), width="stretch", height="content", alt=about)
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.caption(about)
    with right:
        offer_csv(rows, name)


def offer_csv(rows: Rows, name: str) -> None:
    """A button that saves the rows."""
    offer_file("CSV", csv_of(rows), f"{name}.csv", "text/csv", key=f"csv {name}")


def offer_file(label: str, data: str | Callable[[], str], name: str, mime: str, *, key: str) -> None:
    """A button that saves a file, made when it is wanted if `data` is a function. The page is not run again for it:
    that would put new files in place of those that its other buttons name, under the hand that clicks them."""
    st.download_button(label, data, name, mime, key=key, on_click="ignore", width="stretch")


def _readable(spec: Spec) -> Spec:
    """Streamlit writes the labels of axes in a grey that is too faint on white."""
    colour = _LABELS.get(st.context.theme.type or "", "gray")
    labels = {"labelColor": colour, "titleColor": colour}
    return {**spec, "config": {"axis": labels, "legend": labels}}


_LABELS = {"light": "#1c2128", "dark": "#e4e7eb"}  # textColor of .streamlit/config.toml


def csv_of(rows: Rows) -> str:
    """With the names of the columns. Texts are quoted, also for a lone carriage return, which would begin a row of its
    own."""
    file = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(file, names, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _empty(defused(row.get(name))) for name in names} for row in rows)
    return file.getvalue()


def defused(value: Any) -> Any:
    """Also behind spaces, which some programs take away."""
    text = value.lstrip(" ") if isinstance(value, str) else ""
    return f"'{value}" if defuse_cell(text) != text else value


def _empty(value: Any) -> Any:
    return "" if value is None else value
