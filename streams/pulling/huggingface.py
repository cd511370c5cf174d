"""Rows of a data set on the Hugging Face hub, through the dataset viewer's API: nothing to install, pages of 100 rows
that a pull can go on from. Source: Hugging Face, "Dataset viewer", "Download slices of rows", "Splits and subsets".
"""

# See docs/decisions/0148-pull-over-http.md

import logging
from typing import Any

from coachlm.errors import InputError
from streams.pulling.origin import Found, Page, Window, objects
from streams.pulling.web import Web
from streams.reading.sources.flaws import Flaw, unreadable

log = logging.getLogger(__name__)

VIEWER = "https://datasets-server.huggingface.co"
KEYS = "HF_TOKEN"


class HuggingFaceOrigin:
    """Implements `Origin`: a split of one revision of a data set."""

    page_records = 100  # the API's own limit
    grows = False

    def __init__(self, web: Web, dataset: str, config: str | None, split: str | None) -> None:
        self._web = web
        self._part, revision = _part(web, dataset, config, split)
        self.name = "huggingface:" + "/".join((f"{dataset}@{revision}", self._part["config"], self._part["split"]))

    def page(self, window: Window, cursor: str, count: int) -> Page:
        offset = int(cursor or 0)
        value, _ = self._web.get("/rows", {**self._part, "offset": offset, "length": count})
        body = value if isinstance(value, dict) else {}
        rows = objects(body.get("rows"), self._web.host)
        total = body.get("num_rows_total")
        end = offset + len(rows)
        ended = not rows or (isinstance(total, int) and end >= total)
        if ended and body.get("partial"):
            log.warning("the dataset viewer has only the beginning of this data set; its Parquet files hold all of it")
        found = [_found(row, offset + place) for place, row in enumerate(rows)]
        return Page(found, "" if ended else str(end))


def _found(row: Any, place: int) -> Found:
    if not isinstance(row, dict) or "row" not in row:
        return Found(place, unreadable("the dataset viewer gave no row"))
    cut: Flaw | None = None
    if row.get("truncated_cells"):
        cut = unreadable("the dataset viewer has cut cells of this row; ingest the data set's Parquet files instead")
    return Found(place, cut or row["row"])


def _part(web: Web, dataset: str, config: str | None, split: str | None) -> tuple[dict[str, str], str]:
    """What to ask for, and the data set's revision. Raises: InputError, where several would do."""
    value, headers = web.get("/splits", {"dataset": dataset})
    known = value.get("splits") if isinstance(value, dict) else None
    splits = [one for one in objects(known, web.host) if isinstance(one, dict)]
    configs = list(dict.fromkeys(str(one.get("config")) for one in splits))
    chosen = _choose("config", config, configs, "default")
    names = [str(one.get("split")) for one in splits if one.get("config") == chosen]
    part = {"dataset": dataset, "config": chosen, "split": _choose("split", split, names, "train")}
    return part, headers.get("x-revision", "")[:12]


def _choose(what: str, given: str | None, known: list[str], usual: str) -> str:
    if given in known:
        return str(given)
    if given is None and len(known) == 1:
        return known[0]
    if given is None and usual in known:
        return usual
    wrong = "choose one" if given is None else f"there is no {given!r}"
    raise InputError(f"--{what}: {wrong}; the data set has: {', '.join(known[:50]) or 'none'}")
