"""Tests of `pipeline.runtime`."""
