"""How certain a figure is: bootstrap intervals of means and of differences, and intervals of shares."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
SEED = 3407
DRAWS_AT_ONCE = 1_000_000  # memory: about 16 MB
SAME = 1e-6  # values that differ by less than this share of their mean differ only by rounding


class Estimate(NamedTuple):
    """A mean with its 95 % interval, over `n` products."""

    mean: float
    low: float
    high: float
    n: int


def bootstrap(columns: np.ndarray) -> list[Estimate | None]:
    """The mean of each column with its 95 % BCa interval; None for a column without a value.

    `columns` has a row for each product; NaN where a product has no value. Of differences between two systems on the
    same products, this is the paired bootstrap.
    Efron 1987, «Better Bootstrap Confidence Intervals», https://doi.org/10.2307/2289144
    """
    import numpy as np

    return [_estimate(column[~np.isnan(column)]) for column in columns.T]


def _estimate(values: np.ndarray) -> Estimate | None:
    """The mean of `values`, which has no NaN, with its interval; each column by itself, as each misses other values."""
    import numpy as np
    from scipy.stats import bootstrap as scipy_bootstrap

    if not len(values):
        return None
    mean = float(values.mean())
    if np.ptp(values) <= SAME * max(1.0, abs(mean)):  # BCa is not defined where all values are the same
        return Estimate(mean, mean, mean, len(values))
    batch = max(1, DRAWS_AT_ONCE // len(values))
    found = scipy_bootstrap((values,), np.mean, n_resamples=RESAMPLES, batch=batch, method="BCa", rng=SEED)
    low, high = found.confidence_interval
    return Estimate(mean, float(low), float(high), len(values))


def share_interval(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, 0 to 1: Wilson 1927, which is also correct for 0 and for all of `n`."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(hits * (n - hits) / n + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)
