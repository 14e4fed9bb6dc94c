"""Tests of the measurements: a wrong figure would go unnoticed."""
