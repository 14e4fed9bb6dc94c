"""The intervals: they hold what they promise, and are those of scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from comparison.intervals import bootstrap, share_interval


def test_intervals_of_known_differences_hold_the_difference_in_95_of_100_cases():
    """300 pairs of systems, each on 150 products: scores from 0 to 100, 3 apart on average, alike on each product."""
    random = np.random.default_rng(3)
    difficulty = random.uniform(20, 70, (150, 300))
    first = difficulty + 3 + random.normal(0, 8, difficulty.shape)
    second = difficulty + random.normal(0, 8, difficulty.shape)
    held = [estimate.low <= 3 <= estimate.high for estimate in bootstrap(first - second)]
    assert 0.92 <= np.mean(held) <= 0.98


def test_intervals_are_those_of_scipy():
    skewed = np.random.default_rng(4).exponential(5, (80, 1))
    (ours,) = bootstrap(skewed)
    theirs = scipy_bootstrap((skewed[:, 0],), np.mean, method="BCa", n_resamples=10_000, rng=5).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=0.02)


def test_products_without_a_value_are_left_out():
    columns = np.array([[1.0, np.nan, 4.0], [2.0, np.nan, np.nan], [3.0, np.nan, 4.0]])
    first, nothing, constant = bootstrap(columns)
    assert (first.mean, first.n) == (2, 3)
    assert 1 <= first.low < 2 < first.high <= 3
    assert nothing is None
    assert constant == (4, 4, 4, 2)


def test_shares_of_none_and_of_all_are_not_certain():
    assert share_interval(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert share_interval(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
    assert share_interval(97, 100) == pytest.approx((0.9155, 0.9897), abs=1e-4)
