"""A printed command, pasted into a shell, reaches the same folder."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys

import pytest

from pipeline.runtime.rerun import command, word

FOLDERS = [
    *(
        "v[1]",
        "v*",
        "v?",
        "{a,b}",
        "a#b",
        "#a",
        "a&b",
        "a;b",
        "(a)",
        "a|b",
        "<a>",
        "~",
        "~me",
        "=ls",
        "a,b",
        "@a",
        "a%b",
    ),
    *("it's", "it’s", "“a”", "$HOME", "a$(b)", "`a`", "a!b", "two words", " a ", "ação", "C:\\a b\\c", "\\\\server\\a"),
    *("a\\", "a\\ b\\"),
]
BOTH = ["it's $5", "it's a `b`!"]


@pytest.mark.parametrize("folder", [*FOLDERS, *([] if sys.platform == "win32" else BOTH)])
def test_shell_reads_the_same_folder(folder, tmp_path):
    assert shlex.split(word(folder)) == [folder]
    if shutil.which("bash") and sys.platform != "win32":
        for name in ("v1", "v2", "a", "b"):
            (tmp_path / name).touch()
        shown = subprocess.run(["bash", "-c", f"printf %s {word(folder)}"], cwd=tmp_path, capture_output=True)
        assert shown.stdout.decode() == folder


@pytest.mark.parametrize("folder", FOLDERS)
def test_spelling_is_one_that_powershell_shares(folder):
    """There, a quoted word has no quote of its own kind in it, and $ and ` are read between double quotes."""
    typed = word(folder)
    if typed == folder:
        assert not set(typed) & set("$`'\"@#,;&|<>(){}*?[]~ “”’")
    elif typed[0] == '"':
        assert not set(typed[1:-1]) & set('$`"“”„')
    else:
        assert not set(typed[1:-1]) & set("'‘’‚‛")


def test_plain_paths_and_names_have_no_quotes():
    for plain in ("lora_model", "/home/ana/catálogo-2024", "unsloth/llama-3-8b", "../a.json", "C:/dados"):
        assert word(plain) == plain


def test_command_quotes_its_values(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["x.py", "--work_dir", "v[1]", "--profile=demo", "--rag.top_k", "3"])
    assert command("y.py") == 'python y.py --work_dir "v[1]" --profile demo --rag.top_k 3'
