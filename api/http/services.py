"""What the routes work with; the command line puts it together."""

from dataclasses import dataclass

from coachlm.coaching.adapters import AdapterRegistry
from coachlm.protocols.doors import LagProbe, LogDoor
from storage.desk.pair_views import PairViews
from storage.desk.queue import PostEditQueue
from storage.engine.database import Database
from storage.figures.figures import Figures
from storage.intake.rejects import Rejects
from storage.people.accounts import Accounts
from storage.reading import StoreReader
from storage.review.desk import ReviewDesk
from storage.studies.desk import RatingDesk
from storage.studies.studies import RatingStudies
from streams.receiving.inbox import CallInbox


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
    rejects: Rejects
    log_door: LogDoor | None = None
    inbox: CallInbox | None = None
    adapters: AdapterRegistry | None = None
    lag_probe: LagProbe | None = None
