"""How sure a figure is: bootstrap intervals of means and of differences, and intervals of shares."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
SEED = 3407
DRAWS_AT_ONCE = 4_000_000  # memory: about 100 MB


class Estimate(NamedTuple):
    """A mean with its 95 % interval, over `n` products."""

    mean: float
    low: float
    high: float
    n: int


def bootstrap(columns: np.ndarray) -> list[Estimate | None]:
    """The mean of each column with its 95 % BCa interval; None for a column without a value.

    `columns` has a row for each product; NaN where a product has no value. All columns are resampled with the same
    products, 10,000 times. For differences between two systems on the same products, that is the paired bootstrap.
    Efron 1987, «Better Bootstrap Confidence Intervals», https://doi.org/10.2307/2289144
    """
    import numpy as np

    width = columns.shape[1]
    present = ~np.isnan(columns)
    values = np.concatenate([np.where(present, columns, 0.0), present.astype(float)], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = values.sum(axis=0)
        means = sums[:width] / sums[width:]
        sums = _resampled_sums(values)
        resampled = sums[:, :width] / sums[:, width:]
    estimates: list[Estimate | None] = []
    for k in range(width):
        known = columns[present[:, k], k]
        low_high = _bca(known, means[k], resampled[:, k]) if len(known) else None
        estimates.append(Estimate(float(means[k]), *low_high, len(known)) if low_high else None)
    return estimates


def _resampled_sums(values: np.ndarray) -> np.ndarray:
    """The sum of each column over the rows that are drawn with replacement, `RESAMPLES` times."""
    import numpy as np

    rows = len(values)
    random = np.random.default_rng(SEED)
    at_once = max(1, DRAWS_AT_ONCE // rows)
    sums = []
    for start in range(0, RESAMPLES, at_once):
        drawings = min(at_once, RESAMPLES - start)
        drawn = random.integers(0, rows, (drawings, rows)) + rows * np.arange(drawings)[:, None]
        times = np.bincount(drawn.ravel(), minlength=drawings * rows).reshape(drawings, rows)
        sums.append(times.astype(float) @ values)
    return np.concatenate(sums)


def _bca(values: np.ndarray, mean: float, resampled: np.ndarray) -> tuple[float, float]:
    """The ends of the bias-corrected and accelerated interval of a mean.

    For a mean the jackknife's acceleration is the skewness of the values over 6 √n.
    """
    import numpy as np

    resampled = resampled[~np.isnan(resampled)]
    deviations = values - mean
    squares = (deviations**2).sum()
    if squares <= 1e-12 * max(1.0, mean**2) * len(values):  # all values are the same
        return float(mean), float(mean)
    normal = NormalDist()
    below = ((resampled < mean).sum() + (resampled == mean).sum() / 2) / len(resampled)
    bias = normal.inv_cdf(min(max(below, 1e-9), 1 - 1e-9))
    acceleration = (deviations**3).sum() / (6 * squares**1.5)
    ends = []
    for share in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2):
        shifted = bias + normal.inv_cdf(share)
        ends.append(normal.cdf(bias + shifted / (1 - acceleration * shifted)))
    low, high = np.quantile(resampled, ends)
    return float(low), float(high)


def share_interval(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, 0 to 1: that of Wilson 1927, which is right for 0 and for all of `n`, too."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(hits * (n - hits) / n + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)
