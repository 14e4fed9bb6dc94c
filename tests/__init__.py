"""The tests: they run the real scripts on the bundled catalogue with the bundled models."""
