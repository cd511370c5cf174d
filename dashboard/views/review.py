"""The owner's page: hands its component what doesn't change; the component does the work with the service."""

from coachlm.pairs import TaskClass
from dashboard.parts.session import signed_in
from dashboard.server.mounting import mount
from dashboard.views.desk_data import reason_data
from dashboard.views.login import has_provider


def render() -> None:
    me = signed_in().me
    told = {
        "person": me.name,
        "unit": me.unit,
        "classNames": me.class_names,
        "classes": [one.value for one in TaskClass],
        "hasProvider": has_provider(),
        "reasons": reason_data(),
    }
    mount("review", "review", told)
