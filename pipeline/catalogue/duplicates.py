"""Exact duplicates: which records of a catalogue have been there before."""

from __future__ import annotations

import numpy as np

FREE = np.uint64(0)  # a place of the table that holds no hash
SMALLEST = 1 << 12


class Seen:
    """The hashes of all records so far, 64 bits each, in a table with open addressing.

    Eight to sixteen bytes a place and at most half of them taken: a set of Python takes four times as much. Two
    different records of a million have the same hash once in ten million catalogues.
    """

    def __init__(self) -> None:
        self.table = np.zeros(SMALLEST, np.uint64)
        self.count = 0

    def new(self, hashes: np.ndarray) -> np.ndarray:
        """Add hashes; which of them (true or false) had not been there before."""
        hashes = np.maximum(hashes, 1)  # 0 stands for a free place
        distinct, first = np.unique(hashes, return_index=True)
        is_new = np.zeros(len(hashes), bool)
        is_new[first[self._add(distinct)]] = True
        self.count += int(is_new.sum())
        if self.count * 2 > len(self.table):
            self._grow()
        return is_new

    def _add(self, hashes: np.ndarray) -> np.ndarray:
        """Add distinct hashes; the places in `hashes` of those that are new."""
        new = []
        open_ones = np.arange(len(hashes))
        slots = hashes & np.uint64(len(self.table) - 1)
        while len(open_ones):
            there = self.table[slots]
            free = there == FREE
            self.table[slots[free]] = hashes[open_ones[free]]  # of several for one place, the last one gets it
            placed = free & (self.table[slots] == hashes[open_ones])
            new.append(open_ones[placed])
            going_on = ~placed & (there != hashes[open_ones])
            open_ones = open_ones[going_on]
            slots = (slots[going_on] + np.uint64(1)) & np.uint64(len(self.table) - 1)
        return np.concatenate(new) if new else open_ones

    def _grow(self) -> None:
        hashes = self.table[self.table != FREE]
        self.table = np.zeros(4 * len(self.table), np.uint64)
        self._add(hashes)
