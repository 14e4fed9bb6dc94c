"""Tests of what a run of a script cannot show as well as a call."""
