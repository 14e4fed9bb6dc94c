"""Running a script as a user does: a process of its own, started in a folder that is not the project's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from pytest import MonkeyPatch

from config import Settings
from pipeline.command.command_line import read_settings
from pipeline.command.script import EXIT_USER_ERROR, problem_of
from tests.tiny_model import byte_tokenizer

PROJECT = Path(__file__).resolve().parent.parent
DEMO = ("--profile", "demo", "--model.dtype", "float32")  # exact, and the same on every machine
DEADLINE = 300  # seconds; far more than any run takes


class Finished(NamedTuple):
    """A script that ended. `errors` also holds the progress bars, which go to standard error."""

    code: int
    screen: str
    errors: str


def start(script: str, folder: Path, *flags: str, **environment: str) -> subprocess.Popen:
    """Start `script` in `folder`, which is also its `work_dir`; messages are English unless `environment` says else."""
    return subprocess.Popen(
        [sys.executable, str(PROJECT / script), "--work_dir", str(folder), *flags],
        cwd=folder,
        env=os.environ | {"DESCRIBE_LANGUAGE": "en"} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen) -> Finished:
    """Wait for `process`; what it printed has to be UTF-8."""
    try:
        screen, errors = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    return Finished(process.returncode, *(text.decode("utf-8").replace("\r\n", "\n") for text in (screen, errors)))


def run_script(script: str, folder: Path, *flags: str, **environment: str) -> Finished:
    """Start `script` and wait for its end, whatever that is."""
    return finish(start(script, folder, *flags, **environment))


def run_well(script: str, folder: Path, *flags: str, **environment: str) -> Finished:
    """Run `script`, which has to succeed."""
    done = run_script(script, folder, *flags, **environment)
    assert done.code == 0, done.errors
    return done


def run_here(script: str, folder: Path, *flags: str) -> Finished:
    """What `run_script` gives, of a run in this process, which has the libraries imported already.

    For runs that depend on nothing but their settings and files.
    """
    module = import_module(script.removesuffix(".py"))
    screen, errors, code = StringIO(), StringIO(), 0
    with MonkeyPatch.context() as patch, redirect_stdout(screen), redirect_stderr(errors):
        patch.chdir(folder)
        patch.setenv("DESCRIBE_LANGUAGE", "en")
        patch.setattr(sys, "argv", [str(PROJECT / script), "--work_dir", str(folder), *flags])
        try:
            module.main(read_settings(module.DESCRIPTION, sys.argv[1:]))
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            code = EXIT_USER_ERROR
            print(f"Error: {problem}", file=errors)
        finally:
            close_chroma()
    return Finished(code, screen.getvalue(), errors.getvalue())


def run_well_here(script: str, folder: Path, *flags: str) -> Finished:
    """Run `script` in this process; it has to succeed."""
    done = run_here(script, folder, *flags)
    assert done.code == 0, done.errors
    return done


def close_chroma() -> None:
    """Let go of every Chroma folder that this process has opened: another one may write to it next."""
    if "chromadb" in sys.modules:
        from chromadb.api.client import SharedSystemClient

        SharedSystemClient.clear_system_cache()


def kill_when(process: subprocess.Popen, condition: Callable[[], bool]) -> None:
    """End `process` without a warning, as a power cut does, as soon as `condition` holds."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert process.poll() is None, f"ended before it could be killed: {finish(process).errors}"
        assert time.monotonic() < end, "what it was to be killed at never came"
        time.sleep(0.05)
    process.kill()
    finish(process)


def assert_refused(done: Finished, *words: str) -> None:
    """The run ended as bad input has to end: exit code 2, no traceback, a sentence with all of `words`."""
    assert done.code == 2, done
    assert "Traceback" not in done.errors
    sentence = done.errors.partition("Error: ")[2]
    for word in words:
        assert word in sentence


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below `folder`: equal before and after, nothing was written."""
    return {
        str(file.relative_to(folder)): (file.stat().st_size, file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


def demo_settings(folder: Path, *flags: str) -> Settings:
    """The settings of the demo profile, for tests that call functions."""
    return read_settings("", [*DEMO, "--language", "en", "--work_dir", str(folder), *flags])


def tiny_model(folder: Path, kind: str, sizes: dict, **generation) -> Path:
    """A folder with a model of this kind of transformers, with random weights and a tokenizer of single bytes.

    `generation` are settings for its generation_config.json.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = byte_tokenizer()
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": None}
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, vocab_size=len(tokenizer), **(ids | sizes)))
    with torch.no_grad():
        for weight in model.parameters():  # initial weights are so small that a layer hardly changes what comes in
            if weight.dim() > 1:
                weight.mul_(3)
    model.generation_config.update(**generation)
    model.save_pretrained(folder / kind)
    tokenizer.save_pretrained(folder / kind)
    return folder / kind


def write_catalogue(folder: Path, products: dict[str, str]) -> Path:
    """The clean catalogue of `products`, descriptions by titles, as script 1 writes it, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [json.dumps({"product": title, "description": text}) for title, text in products.items()]
    (folder / "trn_processed.json").write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
    return folder
