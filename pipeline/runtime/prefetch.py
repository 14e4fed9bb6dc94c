"""Work that a thread does ahead while the caller is busy with earlier items."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

END = object()


def prefetch(items: Iterable[T], ahead: int = 2) -> Iterator[T]:
    """Yields `items`; a thread produces the next `ahead` items while the caller works on one.

    Errors of the iterator are raised here. If the caller stops early, this waits for the item in progress.
    """
    iterator = iter(items)
    thread = ThreadPoolExecutor(1)
    try:
        coming = deque(thread.submit(next, iterator, END) for _ in range(ahead))
        while (item := coming.popleft().result()) is not END:
            coming.append(thread.submit(next, iterator, END))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)


class WriteBehind:
    """A thread makes the calls in order while the caller continues; at most `behind` calls wait."""

    def __init__(self, behind: int = 1):
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque = deque()
        self._behind = behind

    def __enter__(self) -> WriteBehind:
        return self

    def __exit__(self, kind, _error, _trace) -> None:
        """Wait for every call; raises what one of them raised, unless the block itself has failed."""
        try:
            while kind is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            self._thread.shutdown(cancel_futures=True)

    def call(self, function, *args) -> None:
        """Queue the call `function(*args)`. Raises the error of an earlier call."""
        if len(self._waiting) > self._behind:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(function, *args))
