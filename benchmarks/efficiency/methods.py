"""Ways to estimate the coach's effect from the same simulated work, to choose one by bias and coverage.

Each gives (effect, low, high) as logarithms of the speed ratio, with the method's own 95 % interval.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf

from benchmarks.efficiency.simulation import Work
from coachlm.intervals import NORMAL_95
from evaluation.effect.effect import combine, compare_strata, person_effects, sampling_half_width

Interval = tuple[float, float, float]
_RESAMPLES = 199


def random_effects(work: Work) -> Interval:
    """What `evaluation.effect.efficiency` does."""
    found = combine(person_effects(compare_strata(work.observations())))
    return found.log_ratio, found.low, found.high


def pairs_alone(work: Work) -> Interval:
    """Pooled over annotators, as if the effect were the same for all of them."""
    effects = person_effects(compare_strata(work.observations()))
    worth = [one.control_pairs * one.coach_pairs / (one.control_pairs + one.coach_pairs) for one in effects]
    centre = float(np.average([one.log_ratio for one in effects], weights=worth))
    half = sampling_half_width(effects)
    return centre, centre - half, centre + half


def clustered(work: Work) -> Interval:
    """Fixed effects of person × week × class, errors robust to clusters of persons."""
    table = _table(work)
    strata = table.groupby(["person", "week", "task_class"])
    y = table.log_seconds - strata.log_seconds.transform("mean")
    x = table.coach - strata.coach.transform("mean")
    model: Any = sm.OLS(y, x)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": table.person}, use_t=True)
    low, high = fit.conf_int().to_numpy()[0]
    return -float(fit.params.iloc[0]), -float(high), -float(low)


def bootstrap(work: Work) -> Interval:
    """The same estimate; interval from annotators drawn with replacement."""
    table = _table(work)
    strata = table.groupby(["person", "week", "task_class"])
    y = table.log_seconds - strata.log_seconds.transform("mean")
    x = table.coach - strata.coach.transform("mean")
    sums = table.assign(xy=x * y, xx=x * x).groupby("person")[["xy", "xx"]].sum().to_numpy()
    drawn = np.random.default_rng(0).integers(0, len(sums), (_RESAMPLES, len(sums)))
    totals = sums[drawn].sum(axis=1)
    low, high = np.quantile(-totals[:, 0] / totals[:, 1], [0.025, 0.975])
    xy, xx = sums.sum(axis=0)
    return -float(xy / xx), float(low), float(high)


def mixed(work: Work) -> Interval:
    """MixedLM: random intercepts of persons, fixed effects of weeks and classes."""
    return _mixed(work, None)


def mixed_slopes(work: Work) -> Interval:
    """MixedLM with a random effect of the coach for each person, too."""
    return _mixed(work, "~coach")


def _mixed(work: Work, slopes: str | None) -> Interval:
    model: Any = smf.mixedlm(
        "log_seconds ~ C(week) + C(task_class) + coach", _table(work), groups="person", re_formula=slopes
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits at the edge: their intervals count as they are
        fit = model.fit(method="lbfgs")
    centre, half = -float(fit.params["coach"]), NORMAL_95 * float(fit.bse["coach"])
    return centre, centre - half, centre + half


def _table(work: Work) -> Any:
    return pd.DataFrame(
        {
            "person": work.person,
            "week": work.week,
            "task_class": work.task_class,
            "coach": work.coach.astype(float),
            "log_seconds": np.clip(work.log_seconds, 0, np.log(7200)),
        }
    )


METHODS: dict[str, Callable[[Work], Interval]] = {
    "random effects of persons, HKSJ (ours)": random_effects,
    "fixed effects, clustered by person": clustered,
    "fixed effects, cluster bootstrap": bootstrap,
    "MixedLM, random slopes": mixed_slopes,
    "MixedLM, random intercepts": mixed,
    "pooled, pairs alone": pairs_alone,
}
