"""The pages and who sees them. A new page is a file in `views/` with a `render()` and a line here.

What a person may do is decided in the service; this only leaves out what would be refused anyway.
"""

from collections.abc import Callable
from dataclasses import dataclass

from api.models.people import PersonRole
from dashboard.views import adapters, desk, exclusions, overview, people, review

_EVERY_EDITOR = frozenset({PersonRole.ANNOTATOR, PersonRole.OWNER, PersonRole.ADMIN})
_OWNERS = frozenset({PersonRole.OWNER, PersonRole.ADMIN})
_OPERATORS = frozenset({PersonRole.OPERATOR, PersonRole.ADMIN})


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the navigation; `path` is its address."""

    path: str
    title: str
    icon: str  # of Material Symbols, which Streamlit brings along
    roles: frozenset[PersonRole]
    render: Callable[[], None]


PAGES: tuple[Page, ...] = (
    Page("desk", "Desk", ":material/edit_note:", _EVERY_EDITOR, desk.render),
    Page("review", "Review", ":material/rule:", _OWNERS, review.render),
    Page("exclusions", "Set aside", ":material/inventory_2:", _OWNERS, exclusions.render),
    Page("overview", "Operations", ":material/monitoring:", _OWNERS | _OPERATORS, overview.render),
    Page("people", "People", ":material/groups:", frozenset(PersonRole) - {PersonRole.INGEST}, people.render),
    Page("adapters", "Adapters", ":material/tune:", _OWNERS | _OPERATORS, adapters.render),
)
"""In the order of the navigation; the first one that a role sees is where it starts."""


def pages_for(role: PersonRole) -> list[Page]:
    return [page for page in PAGES if role in page.roles]
