"""The command line of another script, for the same work as this run's."""

from __future__ import annotations

import sys


def command(script: str) -> str:
    """What to type to run `script` on the same work: with the profile, folder, files and models of this run."""
    words = [f"python {script}"]
    for flag, value in flags_and_values(sys.argv[1:]):
        if flag.startswith(("--profile", "--work_dir", "--data.", "--model.", "--rag.")):
            words += [flag, word(value)]
    return " ".join(words)


def word(value: str) -> str:
    return f'"{value}"' if " " in value else value


def flags_and_values(argv: list[str]) -> list[tuple[str, str]]:
    """The flags of a command line that have a value, `--flag value` or `--flag=value`, with the first one."""
    parts = [part for word in argv for part in (word.split("=", 1) if word.startswith("--") else [word])]
    pairs = zip(parts, parts[1:], strict=False)
    return [(flag, value) for flag, value in pairs if flag.startswith("--") and not value.startswith("--")]
