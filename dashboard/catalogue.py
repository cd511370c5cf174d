"""The pages and who sees them. A new page is a module or package in `views/` with a `render()`, and a line here.

A page's module is loaded when it is first opened: an annotator doesn't wait for the libraries of the charts.

What a person may do is decided in the service; this only leaves out what would be refused anyway.
"""

from dataclasses import dataclass
from importlib import import_module

from api.models.people import PersonRole

_EVERY_EDITOR = frozenset({PersonRole.ANNOTATOR, PersonRole.OWNER, PersonRole.ADMIN})
_OWNERS = frozenset({PersonRole.OWNER, PersonRole.ADMIN})
_OPERATORS = frozenset({PersonRole.OPERATOR, PersonRole.ADMIN})
_RATERS = frozenset({PersonRole.ANNOTATOR, PersonRole.OWNER})


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the navigation; `path` is its address and the name of its module."""

    path: str
    title: str
    icon: str  # of Material Symbols, which Streamlit brings along
    roles: frozenset[PersonRole]

    def render(self) -> None:
        import_module(f"dashboard.views.{self.path}").render()


PAGES: tuple[Page, ...] = (
    Page("desk", "Desk", ":material/edit_note:", _EVERY_EDITOR),
    Page("review", "Review", ":material/rule:", _OWNERS),
    Page("exclusions", "Excluded", ":material/inventory_2:", _OWNERS),
    Page("ratings", "Ratings", ":material/star_half:", _RATERS),
    Page("overview", "Operations", ":material/monitoring:", _OWNERS | _OPERATORS),
    Page("rejects", "Rejected", ":material/block:", _OWNERS | _OPERATORS),
    Page("people", "People", ":material/groups:", frozenset(PersonRole) - {PersonRole.INGEST}),
    Page("adapters", "Adapters", ":material/tune:", _OWNERS | _OPERATORS),
    Page("studies", "Studies", ":material/balance:", _OWNERS | _OPERATORS),
)
"""In the order of the navigation."""


_START = {PersonRole.OWNER: "review", PersonRole.OPERATOR: "overview", PersonRole.ADMIN: "people"}


def pages_for(role: PersonRole) -> list[Page]:
    """In the order of the navigation."""
    return [page for page in PAGES if role in page.roles]


def start_of(role: PersonRole) -> str | None:
    """Where a role's work is; None: the role sees no page."""
    shown = [page.path for page in pages_for(role)]
    return _START.get(role, shown[0] if shown else None)
