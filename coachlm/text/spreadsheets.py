"""Cells that a spreadsheet would compute are made harmless."""

# See docs/decisions/0033-reversible-csv-defusing.md

import re

# Source: OWASP "CSV Injection"; the last four are the full-width forms that some locales compute too.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def defuse_cell(cell: str) -> str:
    """The cell, behind an apostrophe where a spreadsheet would take it for a formula; `restore_cell` undoes it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def restore_cell(cell: str) -> str:
    """The text that `defuse_cell` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
