"""Tables that sort, say how their columns are made, and can be saved as CSV."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from dashboard.parts.charts import Row, Rows, offer_csv
from dashboard.server.mounting import mount

_NONE = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """How a column's figures are written (a format of `str.format`; None: they are texts), and how they are made."""

    form: str | None = None
    about: str = ""


def show_table(rows: Rows, columns: Mapping[str, Column], name: str, *, label: str) -> None:
    """A row gives each column by its name; `label` is for who can't see the table."""
    heads = [{"name": key, "about": one.about, "isNumber": one.form is not None} for key, one in columns.items()]
    cells = [[_cell(row, key, one) for key, one in columns.items()] for row in rows]
    mount("table", f"table {name}", {"label": label, "columns": heads, "rows": cells})
    left, _ = st.columns([1, 5])
    with left:
        offer_csv([{key: row.get(key) for key in columns} for row in rows], name)


def _cell(row: Row, key: str, column: Column) -> dict[str, object]:
    """What is shown, and what it is sorted by."""
    value = row.get(key)
    if value is None:
        return {"shown": _NONE, "value": None}
    if column.form is None:
        return {"shown": str(value), "value": str(value)}
    return {"shown": column.form.format(value), "value": value}
