"""Tests of `pipeline.catalogue`."""
