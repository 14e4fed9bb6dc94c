"""The vectors that are kept between runs."""

from __future__ import annotations

import os

import numpy as np
import pytest

from pipeline.search.vector_cache import VectorCache, digests_of, ids_of

COUNT, DIMENSION = 300, 8


@pytest.fixture
def texts() -> tuple[list[str], np.ndarray]:
    """Ids, among them such that end in zero bytes, and their vectors."""
    ids = [*(os.urandom(16).hex() for _ in range(COUNT - 2)), "ab" * 15 + "00", "00" * 16]
    return ids, np.random.default_rng(0).standard_normal((COUNT, DIMENSION)).astype(np.float32)


def test_ids_come_back(texts):
    assert ids_of(digests_of(texts[0])) == texts[0]


def test_vectors_come_back_in_any_order(tmp_path, texts):
    ids, vectors = texts
    digests = digests_of(ids)
    with VectorCache(tmp_path / "model", DIMENSION) as cache:
        assert not cache.find(digests)[0].any()
        cache.add(digests[:100], vectors[:100])
        cache.add(digests[100:200], vectors[100:200])
        assert cache.added == 200
    with VectorCache(tmp_path / "model", DIMENSION) as cache:
        found, kept = cache.find(digests[::-1])
        assert found.tolist() == [False] * 100 + [True] * 200
        np.testing.assert_allclose(kept, vectors[199::-1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("lost", [1, 3, 16, 100])
@pytest.mark.parametrize("name", ["vectors.bin", "digests.bin"])
def test_what_a_killed_run_left_half_written_is_dropped(tmp_path, texts, name, lost):
    """Every vector that is found is the right one, and the cache goes on from there."""
    ids, vectors = texts
    digests = digests_of(ids)
    with VectorCache(tmp_path, DIMENSION) as cache:
        cache.add(digests, vectors)
    file = tmp_path / name
    os.truncate(file, file.stat().st_size - lost)
    with VectorCache(tmp_path, DIMENSION) as cache:
        found, kept = cache.find(digests)
        assert COUNT - 10 < found.sum() < COUNT
        np.testing.assert_allclose(kept, vectors[found], rtol=1e-3, atol=1e-4)
        cache.add(digests[~found], vectors[~found])
    with VectorCache(tmp_path, DIMENSION) as cache:
        found, kept = cache.find(digests)
        assert found.all()
        np.testing.assert_allclose(kept, vectors, rtol=1e-3, atol=1e-4)
