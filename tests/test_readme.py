"""What the two README files tell a reader to type is right, and both tell the same."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config import Group, Settings

PROJECT_DIR = Path(__file__).resolve().parent.parent
README_FILES = ["README.md", "README.pt-BR.md"]


def read(name: str) -> str:
    return (PROJECT_DIR / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The contents of the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def defaults() -> dict[str, list[str]]:
    """The default of every setting by its full name, as a list of what a README shows of it."""
    fields = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            fields |= {f"{name}.{key}": inner.default for key, inner in field.annotation.model_fields.items()}
        else:
            fields[name] = field.default
    return {name: value if isinstance(value, list) else [str(value)] for name, value in fields.items()}


@pytest.mark.parametrize("language", ["powershell", "bash", "toml", "json"])
def test_both_show_the_same_commands_and_files(language):
    english, portuguese = (blocks(read(name), language) for name in README_FILES)
    assert english
    assert english == portuguese


@pytest.mark.parametrize("name", README_FILES)
def test_settings_that_are_named_exist(name):
    named = set(re.findall(r"--([a-z]+\.[a-z_0-9]+)", read(name)))
    assert named
    assert named <= set(defaults())


@pytest.mark.parametrize("name", README_FILES)
def test_table_of_settings_has_their_defaults(name):
    rows = re.findall(r"^\| (`--.*?) \| (.*?) \|", read(name), re.MULTILINE)
    assert len(rows) > 10
    for flags, values in rows:
        names, shown = re.findall(r"`--([\w.]+)`", flags), re.findall(r"`(.*?)`", values)
        assert shown == [value for name in names for value in defaults()[name]]


@pytest.mark.parametrize("name", README_FILES)
def test_files_that_are_linked_or_run_exist(name):
    text = read(name)
    linked = [target for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    scripts = [word for block in blocks(text, "powershell") for word in re.findall(r"\S+\.py\b", block)]
    assert linked
    assert scripts
    assert [file for file in {*linked, *scripts} if not (PROJECT_DIR / file).is_file()] == []


def test_examples_of_settings_variables_and_data_work(tmp_path):
    text = read("README.md")
    (tmp_path / "settings.toml").write_text(blocks(text, "toml")[0], encoding="utf-8", newline="\n")
    (tmp_path / "trn.json").write_text(blocks(text, "json")[0], encoding="utf-8", newline="\n")
    variables = dict(re.findall(r"^export (\w+)=(.*)$", "\n".join(blocks(text, "bash")), re.MULTILINE))
    assert len(variables) == 2
    environment = os.environ | {name: value.strip("'") for name, value in variables.items()}
    done = subprocess.run(
        [sys.executable, str(PROJECT_DIR / "process_data.py"), "--language", "en"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
