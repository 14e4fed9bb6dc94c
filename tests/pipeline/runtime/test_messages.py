"""The Brazilian Portuguese messages are complete, and they are what a Brazilian user sees.

After a message was added or changed: `python locale/update.py`, translate what it names in messages.po, run it again.
"""

from __future__ import annotations

import ast
import json
import os
import runpy
import string
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo

PROJECT_DIR = Path(__file__).resolve().parents[3]
update_script = runpy.run_path(str(PROJECT_DIR / "locale" / "update.py"))

BAR_LABEL_WIDTH = 43  # of the three bars and the closing lines of process_data.py, which stand below each other

RAW_RECORDS = [
    {
        "title": "Girls Ballet Tutu Neon Blue",
        "content": "Dance tutu for girls ages 2-8 years. Perfect for dance practice, recitals and performances, "
        "costumes or just for fun!",
    },
    {"title": "Girls Ballet Tutu Neon Pink", "content": ""},
]
SCREEN_OF_TWO_RECORDS = [
    "Configuração realizada:",
    "Lendo os registros do arquivo              : 100%",
    "Processando registros lidos                : 100%",
    "Salvando registros processados em arquivo  : 100%",
    "Total de registros no arquivo original     : 2",
    "Total de registros processados (não vazios): 1",
    "Arquivo processado salvo em                : ",
]


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return update_script["read_catalogue"]()


def test_every_message_of_the_code_is_translated_and_no_other(catalogue):
    ids = update_script["message_ids"]()
    assert len(ids) > 100  # they were found at all
    assert sorted(set(ids) - {message.id for message in catalogue}) == []
    assert sorted({message.id for message in catalogue if message.id} - set(ids)) == []
    assert update_script["untranslated"](catalogue) == []
    assert list(catalogue.obsolete) == []


def test_no_message_stands_where_babel_overlooks_it():
    ids = set(update_script["message_ids"]())
    files = [
        *PROJECT_DIR.glob("*.py"),
        *(file for room in ("pipeline", "comparison") for file in (PROJECT_DIR / room).rglob("*.py")),
    ]
    calls = [
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    marks = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("_", "N_")]
    assert {mark.value for mark in marks if isinstance(mark, ast.Constant)} - ids == set()


def test_help_texts_are_among_the_messages():
    ids = update_script["message_ids"]()
    assert {"learning rate", "Script 3: the shape of the adapter."} <= set(ids)


def test_translations_have_the_placeholders_of_their_messages(catalogue):
    different = [message.id for message in catalogue if placeholders(message.id) != placeholders(message.string)]
    assert different == []


def placeholders(text: str) -> set[str]:
    return {name for _literal, name, _format, _conversion in string.Formatter().parse(text) if name is not None}


def test_compiled_messages_are_those_of_the_source(catalogue):
    with update_script["MO_FILE"].open("rb") as file:
        compiled = {message.id: message.string for message in read_mo(file) if message.id}
    assert compiled == {message.id: message.string for message in catalogue if message.id}


@pytest.mark.parametrize(
    "english",
    [
        "Reading the records of the file",
        "Processing the records read",
        "Saving the processed records to the file",
        "Total records in the original file",
        "Total records processed (not empty)",
        "Processed file saved to",
        "Records that could not be read",
    ],
)
def test_labels_that_stand_below_each_other_fit_their_width(catalogue, english):
    assert len(catalogue[english].string) <= BAR_LABEL_WIDTH


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--language", "pt_BR"], {"LC_ALL": "en_US.UTF-8"}),
        pytest.param(
            [],
            {"LANG": "pt_BR.UTF-8"},
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows tells its language otherwise"),
        ),
        (["--language", "pt_BR"], {"LANG": "pt_BR.UTF-8", "PYTHONUTF8": "0", "LC_ALL": "C"}),
    ],
    ids=["flag", "system language", "a terminal without UTF-8"],
)
def test_screen_is_portuguese(tmp_path, arguments, environment):
    done = process_two_records(tmp_path, arguments, environment)
    assert done.returncode == 0, done.stderr
    screen = done.stdout + done.stderr
    assert [line for line in SCREEN_OF_TWO_RECORDS if line not in screen] == []


def test_screen_is_english_where_the_system_is(tmp_path):
    done = process_two_records(tmp_path, [], {"LANG": "en_US.UTF-8"})
    assert done.returncode == 0, done.stderr
    if sys.platform != "win32":
        assert "Total records in the original file         : 2" in done.stdout


def test_help_and_faults_are_portuguese(tmp_path):
    help_text = run_script(["process_data.py", "--language", "pt_BR", "--help"], tmp_path, {}).stdout
    assert "o catálogo processado" in help_text
    assert "Script 1: o catálogo bruto e o que é feito dele." in help_text
    fault = run_script(["process_data.py", "--language", "pt_BR", "--data.min_content_chars", "0"], tmp_path, {})
    assert fault.returncode == 2
    assert "Erro: data.min_content_chars: '0' não é permitido; é permitido: número inteiro >= 1" in fault.stderr


def process_two_records(
    folder: Path, arguments: list[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    lines = [json.dumps(record) for record in RAW_RECORDS]
    (folder / "trn.json").write_text("\n".join(lines), encoding="utf-8", newline="\n")
    return run_script(["process_data.py", *arguments], folder, environment)


def run_script(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script of the project in `folder`, with none of this machine's settings of language and encoding."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(
        [sys.executable, str(PROJECT_DIR / command[0]), *command[1:]],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
