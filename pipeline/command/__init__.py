"""What turns a `main` into a command: flags, settings, the end of a run.

Only the scripts import from here, and the tests that stand in for them.
"""
