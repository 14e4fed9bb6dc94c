"""The command that runs another script with the profile, folder and files of this run."""

from __future__ import annotations

import re
import shlex
import sys


def command(script: str) -> str:
    """What to type to run `script` on the same work: with the profile, folder, files and models of this run."""
    words = [f"python {script}"]
    for flag, value in flags_and_values(sys.argv[1:]):
        if flag.startswith(("--profile", "--work_dir", "--data.", "--model.", "--rag.")):
            words += [flag, word(value)]
    return " ".join(words)


def word(value: str) -> str:
    """`value` as one word of a command line, with the quotes that keep the shell from reading anything into it.

    The spelling is one that bash, zsh and PowerShell share, unless the value needs both kinds of quotes. PowerShell
    takes curly quotes for straight ones.
    """
    if re.fullmatch(r"[\w./+-][\w./:=+-]*", value):
        return value
    if not re.search(r'[$`!"“”„]|\\\\|\\$', value):  # which are read between double quotes too
        return f'"{value}"'
    if not re.search("['‘’‚‛]", value):
        return f"'{value}'"
    return "'" + re.sub("['‘’‚‛]", r"\g<0>\g<0>", value) + "'" if sys.platform == "win32" else shlex.quote(value)


def flags_and_values(argv: list[str]) -> list[tuple[str, str]]:
    """The flags of a command line with their first value, from `--flag value` or `--flag=value`."""
    parts = [part for word in argv for part in (word.split("=", 1) if word.startswith("--") else [word])]
    pairs = zip(parts, parts[1:], strict=False)
    return [(flag, value) for flag, value in pairs if flag.startswith("--") and not value.startswith("--")]
