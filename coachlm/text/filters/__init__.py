"""The preliminary filter of paper Table III: one class per reason, one composite (docs/explanations/filters.md)."""

from coachlm.text.filters.preliminary import PreliminaryFilter

__all__ = ["PreliminaryFilter"]
