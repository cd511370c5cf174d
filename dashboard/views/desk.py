"""The post-edit desk: hands its component what doesn't change; the component does the work with the service."""

from dashboard.parts.session import signed_in
from dashboard.server.mounting import mount
from dashboard.views.desk_data import desk_data
from dashboard.views.login import has_provider


def render() -> None:
    mount("editor", "desk", desk_data(signed_in().me, has_provider=has_provider()))
