"""A work folder to ask about titles of one's own in: a model, an adapter and an index that are made in seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.running import DEMO, PROJECT, Finished, finish, run_well, start, write_catalogue
from tests.tiny_model import make_tiny_model

CATALOGUE = {
    f"{kind} {place}": f"A {kind.lower()} from {place}, handmade. It weighs {number + 3} kg and lasts {number} years."
    for number, (kind, place) in enumerate(
        (kind, place) for kind in ("Lamp", "Kettle", "Carpet", "Violin") for place in ("Olinda", "Paraty", "Sintra")
    )
}
HOSTILE = "<img src=x onerror=alert(1)> \u202etfel ot thgir\u202c <b>Bule</b>"
NOWHERE = "Zzyzx 9999"


class Work(NamedTuple):
    """The folder, and the flags that every script takes there."""

    folder: Path
    flags: tuple[str, ...]

    def run(self, script: str, *flags: str) -> Finished:
        return run_well(script, self.folder, *self.flags, *flags)

    def start(self, *flags: str, **streams) -> subprocess.Popen:
        """The page, whose process goes on until it is killed."""
        return subprocess.Popen(
            [
                sys.executable,
                str(PROJECT / "compare_models.py"),
                "--work_dir",
                str(self.folder),
                *self.flags,
                "--ask",
                *flags,
            ],
            cwd=self.folder,
            env=os.environ | {"DESCRIBE_LANGUAGE": "en"},
            **streams,
        )

    def type(self, lines: str, *flags: str, **environment: str) -> Finished:
        """What `--ask terminal` does with these lines, typed one after the other."""
        process = start("compare_models.py", self.folder, *self.flags, "--ask", "terminal", *flags, **environment)
        process.stdin.write(lines.encode("utf-8"))
        return finish(process)


def make_work(folder: Path, embedding_model: Path) -> Work:
    """A catalogue of `CATALOGUE` and a hostile title, its index, a random model and a random adapter."""
    write_catalogue(folder, CATALOGUE | {HOSTILE: "Bule de <b>ferro</b> com tampa. <script>alert(2)</script>"})
    model = make_tiny_model(folder / "tiny", seed=4)
    make_adapter(model, folder / "lora_model_demo")
    flags = (
        *(*DEMO, "--model.name", str(model), "--rag.embedding_model", str(embedding_model), "--rag.max_records", "0"),
        *("--rag.method", "keyword", "--rag.top_k", "2", "--generation.max_new_tokens", "40"),
    )
    work = Work(folder, flags)
    work.run("rag_indexing.py")
    return work


def make_adapter(model: Path, folder: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        shape = LoraConfig(r=4, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False)
        get_peft_model(AutoModelForCausalLM.from_pretrained(model), shape).save_pretrained(folder)
