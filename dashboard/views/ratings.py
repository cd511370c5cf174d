"""Blind ratings: hands its component what doesn't change; the component does the work with the service."""

from dashboard.parts.session import signed_in
from dashboard.server.mounting import mount
from dashboard.views.desk_data import criteria_data
from dashboard.views.login import has_provider


def render() -> None:
    told = {"person": signed_in().me.name, "hasProvider": has_provider(), "criteria": criteria_data()}
    mount("rating", "ratings", told)
