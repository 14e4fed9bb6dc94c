"""Settings of a wrong type, out of range, and contradicting each other: all named at once."""

from __future__ import annotations

import pytest

from config import Group, Settings
from tests.running import DEMO, PROJECT, assert_refused, contents, run_script

pytestmark = pytest.mark.usefixtures("no_settings_in_the_environment")  # which would win over the file

GROUPS = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Group)
}
SCRIPTS = ("process_data.py", "foundation_model.py", "fine_tuning.py", "rag_indexing.py", "rag_search_vs.py")


def beyond(field) -> str | None:
    """A value, in TOML, that is out of the field's bounds; None where it has none."""
    for rule in field.metadata:
        for bound, value in (
            ("ge", lambda n: n - 1),
            ("gt", lambda n: n),
            ("le", lambda n: n + 1),
            ("lt", lambda n: n),
        ):
            if getattr(rule, bound, None) is not None:
                return repr(value(getattr(rule, bound)))
        if getattr(rule, "pattern", None):
            return '"?"'
        if getattr(rule, "min_length", None):
            return "[]"
    return None


@pytest.mark.parametrize("script", SCRIPTS[:1])
def test_every_field_of_a_wrong_type(script, tmp_path, seen):
    text = "\n".join(
        f"[{group}]\n" + "\n".join(f"{name} = {{wrong = 1}}" for name in fields.model_fields)
        for group, fields in GROUPS.items()
    )
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    before = contents(tmp_path)
    done = run_script(script, tmp_path)
    names = [f"{group}.{name}: " for group, fields in GROUPS.items() for name in fields.model_fields]
    assert_refused(done, *names)
    assert contents(tmp_path) == before
    seen(
        "all scripts",
        f"wrong type for each of {len(names)} settings",
        "refused: all named at once, with what is allowed",
    )


def test_every_field_out_of_range(tmp_path, seen):
    bounded = {
        f"{group}.{name}": value
        for group, fields in GROUPS.items()
        for name, field in fields.model_fields.items()
        if (value := beyond(field)) is not None
    }
    assert len(bounded) > 20
    text = "\n".join(f"{name} = {value}" for name, value in bounded.items())
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    assert_refused(run_script("process_data.py", tmp_path), *(f"{name}: " for name in bounded))
    seen("all scripts", f"{len(bounded)} settings out of range", "refused: all named at once, with their bounds")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--data.raw_file", "trn_processed.json"), ("data.raw_file and data.processed_file are the same path",)),
        (("--model.merged_dir", "lora", "--model.lora_dir", "lora"), ("model.lora_dir and model.merged_dir",)),
        (
            ("--model.lora_dir", "x", "--rag.chroma_dir", "x/y"),
            ("model.lora_dir is replaced as a whole", "rag.chroma_dir"),
        ),
        (
            ("--answers.rag_file", "gguf_model_llama-3-8b/a.json"),
            ("model.gguf_dir is replaced as a whole", "answers.rag_file"),
        ),
        (
            ("--model.merged_dir", "m", "--comparison.html_file", "m/n/page.html", "--rag.vectors_dir", "m/v"),
            ("model.merged_dir is replaced as a whole", "rag.vectors_dir, comparison.html_file"),
        ),
        (
            ("--model.lora_dir", str(PROJECT), "--model.name", str(PROJECT / "demo")),
            ("model.lora_dir is replaced as a whole", "model.name"),
        ),
        (
            ("--model.gguf_dir", str(PROJECT / "docs"), "--rag.embedding_model", str(PROJECT / "docs")),
            ("model.gguf_dir and rag.embedding_model are the same path",),
        ),
        (("--model.lora_dir", ".."), ("model.lora_dir: ", "cannot be used as a path")),
        (("--cluster", "local", "--model.device_map", "balanced"), ("--cluster has one card", "drop one")),
        (("--generation.max_new_tokens", "9000"), ("generation.max_new_tokens (9000)", "model.max_seq_length (8192)")),
    ],
)
def test_contradicting_settings(flags, words, tmp_path, seen):
    assert_refused(run_script("process_data.py", tmp_path, *flags), *words)
    assert contents(tmp_path) == {}
    seen("all scripts", " ".join(flags).replace(str(PROJECT), "PROJECT"), "refused: " + " ... ".join(words))


@pytest.mark.parametrize(
    ("script", "setting", "value"),
    [
        ("process_data.py", "work_dir", "file"),
        ("process_data.py", "work_dir", "file/in/it"),
        ("process_data.py", "data.processed_file", "file/trn_processed.json"),
        ("fine_tuning.py", "model.lora_dir", "file"),
        ("fine_tuning.py", "training.output_dir", "file/outputs"),
        ("rag_indexing.py", "rag.chroma_dir", "file"),
        ("rag_indexing.py", "rag.vectors_dir", "file"),
    ],
)
def test_file_in_place_of_a_folder(script, setting, value, tmp_path, seen):
    (tmp_path / "file").write_text("of the user", encoding="utf-8")
    before = contents(tmp_path)
    done = run_script(script, tmp_path, *DEMO, f"--{setting}", value)
    assert_refused(done, f"file is a file, and a folder is needed there. Choose another path with --{setting}.")
    assert contents(tmp_path) == before
    seen("all scripts", f"--{setting} {value}, where file is a file", "refused: file is a file, and a folder is needed")


def test_folder_in_place_of_a_file(tmp_path, seen):
    (tmp_path / "folder").mkdir()
    done = run_script("process_data.py", tmp_path, *DEMO, "--data.processed_file", "folder")
    assert_refused(done, "folder is a folder, and a file is needed there", "--data.processed_file")
    assert contents(tmp_path) == {}
    seen("all scripts", "--data.processed_file folder", "refused: folder is a folder, and a file is needed there")


def test_all_contradictions_are_named_at_once(tmp_path):
    flags = ("--data.raw_file", "trn_processed.json", "--generation.max_new_tokens", "9000")
    assert_refused(
        run_script("process_data.py", tmp_path, *flags), "data.raw_file and", "generation.max_new_tokens (9000)"
    )


def test_escape_sequences_are_shown_not_obeyed(tmp_path, seen):
    done = run_script("rag_search_vs.py", tmp_path, "--products", "\x1b[2Jred", "--rag.chroma_dir", "\x1b]0;x\x07")
    assert_refused(done, "\u241b]0;x\u2407")
    assert "\x1b" not in done.screen + done.errors
    seen("all scripts", "commands to the terminal in settings", "shown as characters, not obeyed")
