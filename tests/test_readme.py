"""What the README and the pages in docs/ tell a reader to type is right, and both languages tell the same."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from config import Group, Settings
from pipeline.command.command_line import read_settings

PROJECT_DIR = Path(__file__).resolve().parent.parent
ENGLISH_ONLY = ["docs/benchmarks.md", "docs/reliability.md"]
PAGES = sorted(
    page.relative_to(PROJECT_DIR).as_posix()
    for page in [*PROJECT_DIR.glob("README*.md"), *PROJECT_DIR.glob("docs/*.md")]
)
TRANSLATED = [name for name in PAGES if not name.endswith(".pt-BR.md") and name not in ENGLISH_ONLY]
WRITTEN_BY_HAND = [name for name in PAGES if name != "docs/reliability.md"]
SCRIPTS_WITH_SETTINGS = [
    path.name for path in PROJECT_DIR.glob("*.py") if path.name not in ("bootstrap.py", "config.py")
]
STAND_INS = {"any_script.py": "process_data.py", "qualquer_script.py": "process_data.py"}


def read(name: str) -> str:
    return (PROJECT_DIR / name).read_text(encoding="utf-8")


def portuguese(name: str) -> str:
    return name.removesuffix(".md") + ".pt-BR.md"


def blocks(text: str, *languages: str) -> list[str]:
    """The contents of the fenced blocks of these languages."""
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(name: str) -> list[list[str]]:
    """The words of every command that runs a script of the project: in fenced blocks and between backticks."""
    text = read(name)
    lines = "\n".join(blocks(text, "powershell", "bash")).splitlines()
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines += [code.replace("\n", " ") for code in re.findall(r"`([^`]+)`", prose)]
    starts = r"(?:\w+=\S+ )?(?:\S*python[\d.]*(?:\.exe)?|py -3\.12|torchrun --nproc_per_node 2) "
    found = [re.fullmatch(rf"{starts}(\S+\.py\b.*)", line.strip()) for line in lines]
    return [shlex.split(match[1]) for match in found if match]


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def setting_names() -> set[str]:
    groups = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {
        f"{name}.{inner}"
        for name, group in groups.items()
        if isinstance(group, type) and issubclass(group, Group)
        for inner in group.model_fields
    }


@pytest.mark.parametrize("name", TRANSLATED)
def test_both_languages_show_the_same_commands_files_and_sections(name):
    english, translated = read(name), read(portuguese(name))
    shown = [blocks(text, "powershell", "bash", "toml", "json") for text in (english, translated)]
    assert shown[0] == shown[1]
    headings = [
        [level for level, _ in re.findall(r"^(#+) (.*)$", text, re.MULTILINE)] for text in (english, translated)
    ]
    assert headings[0] == headings[1]


@pytest.mark.parametrize("name", PAGES)
def test_settings_that_are_named_exist(name):
    assert set(re.findall(r"--([a-z]+\.[a-z_0-9]+)", read(name))) <= setting_names()


@pytest.mark.parametrize("name", ["settings.md", "settings.pt-BR.md"])
def test_tables_of_settings_are_what_config_says(name):
    writer = load(PROJECT_DIR / "docs" / "write_settings.py")
    text = read(f"docs/{name}")
    assert text == writer.with_tables(text, name), "run: python docs/write_settings.py"


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", PAGES)
def test_pages_and_sections_that_are_linked_exist(name):
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", read(name)) if "://" not in target]
    for file, _, section in (target.partition("#") for target in targets):
        path = (PROJECT_DIR / name).parent / file if file else PROJECT_DIR / name
        assert path.is_file(), file
        if section:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert section in map(slug, headings)


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_map_of_the_code_names_what_is_there(name):
    code = read(name)
    tree = re.search(r"^config\.py .*?^```$", code, re.MULTILINE | re.DOTALL)[0]
    named = set(re.findall(r"^ *([\w.]+)(?=/? {2,})", tree, re.MULTILINE)) | {"pipeline"}
    rooms = {path.parent.name for path in PROJECT_DIR.glob("*/__init__.py")}
    rooms |= {path.parent.name for path in PROJECT_DIR.glob("pipeline/*/__init__.py")}
    assert rooms <= named
    modules = re.findall(r"`((?:pipeline|comparison)/[\w/]+\.py)`", code)
    assert modules
    assert [module for module in modules if not (PROJECT_DIR / module).is_file()] == []


@pytest.mark.parametrize("name", WRITTEN_BY_HAND)
def test_commands_are_accepted(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no settings.toml
    for script, *arguments in commands(name):
        script = STAND_INS.get(script, script)
        assert (PROJECT_DIR / script).is_file(), script
        if script in SCRIPTS_WITH_SETTINGS and "--help" not in arguments:
            read_settings("", arguments)
        elif script not in SCRIPTS_WITH_SETTINGS:
            flags = [word for word in arguments if word.startswith("--") and "." not in word]
            source = read(script)
            assert [flag for flag in flags if flag not in source and flag != "--work_dir" and flag != "--profile"] == []


def test_commands_of_the_eight_steps_stand_in_the_readme():
    scripts = {words[0] for words in commands("README.md")}
    assert {*SCRIPTS_WITH_SETTINGS, "bootstrap.py"} <= scripts


def test_examples_of_settings_variables_and_data_work(tmp_path):
    settings, files = read("docs/settings.md"), read("docs/files.md")
    (tmp_path / "settings.toml").write_text(blocks(settings, "toml")[0], encoding="utf-8", newline="\n")
    (tmp_path / "trn.json").write_text(blocks(files, "json")[0], encoding="utf-8", newline="\n")
    variables = dict(re.findall(r"^export (\w+)=(.*)$", "\n".join(blocks(settings, "bash")), re.MULTILINE))
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
