"""The page of people and of what the coach saves."""

from dashboard.views.people.page import render

__all__ = ["render"]
