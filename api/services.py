"""What the routes work with; the command line puts it together."""

from dataclasses import dataclass

from coachlm.adapters import AdapterRegistry
from coachlm.protocols import LagProbe, LogDoor
from storage.accounts import Accounts
from storage.database import Database
from storage.figures import Figures
from storage.pair_views import PairViews
from storage.queue import PostEditQueue
from storage.rating_desk import RatingDesk
from storage.reading import StoreReader
from storage.reviewing import ReviewDesk
from storage.studies import RatingStudies


@dataclass(frozen=True, slots=True)
class Services:
    """All are safe to share between threads. None: this installation has no such thing, and the routes say so."""

    database: Database
    queue: PostEditQueue
    reviews: ReviewDesk
    accounts: Accounts
    figures: Figures
    reader: StoreReader
    pairs: PairViews
    rating_desk: RatingDesk
    studies: RatingStudies
    log_door: LogDoor | None = None
    adapters: AdapterRegistry | None = None
    lag_probe: LagProbe | None = None
