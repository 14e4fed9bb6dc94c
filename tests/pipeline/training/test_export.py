"""Script 3: what it makes of the trained model besides the adapter, and what it refuses before it trains.

llama.cpp and the hub are not here: programs that write down how they were called stand in for the one, a server on
this machine for the other.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipeline.catalogue.prompts import product_prompt
from pipeline.model.loading import load_foundation_model
from pipeline.runtime.artifacts import content_hash
from pipeline.runtime.errors import UserError
from pipeline.training.export import rehearse_gguf
from tests.running import DEMO, assert_refused, demo_settings, run_script, run_well

CATALOGUE = [{"product": f"Lamp {n}", "description": f"A lamp with {n} bulbs and a large shade."} for n in range(9)]
QUICK = (
    *("--training.max_steps", "2", "--training.max_examples", "4", "--training.per_device_train_batch_size", "2"),
    *("--generation.max_new_tokens", "4", "--lora.r", "2", "--training.logging_steps", "1"),
)
KIND = "q8_0" if sys.platform == "win32" else "q4_k_m"  # a script cannot stand in for llama-quantize.exe

CONVERTER = """\
import argparse, json, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--outfile", type=pathlib.Path)
parser.add_argument("--outtype", default="auto")
parser.add_argument("--vocab-only", action="store_true")
options = parser.parse_args()
found = sorted(file.name for file in options.model.iterdir())
config = json.loads((options.model / "config.json").read_text(encoding="utf-8"))
if config["architectures"] != ["LlamaForCausalLM"] or "tokenizer.json" not in found:
    sys.exit("Model is not supported")
if not options.vocab_only and "model.safetensors.index.json" not in found:
    sys.exit("no weights")
options.outfile.write_text(f"GGUF {options.outtype}")
"""
QUANTIZER = f"""\
#!{sys.executable}
import pathlib, sys
source, target, kind = sys.argv[1:]
pathlib.Path(target).write_text(pathlib.Path(source).read_text() + " " + kind)
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with a small clean catalogue."""
    lines = ",\n".join(json.dumps(product) for product in CATALOGUE)
    (tmp_path / "trn_processed.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def llama_cpp(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("llama.cpp")
    (folder / "convert_hf_to_gguf.py").write_text(CONVERTER, encoding="utf-8")
    (folder / "build" / "bin").mkdir(parents=True)
    (folder / "build" / "bin" / "llama-quantize").write_text(QUANTIZER, encoding="utf-8")
    (folder / "build" / "bin" / "llama-quantize").chmod(0o755)
    return folder


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as an upload of small files needs; the files of each commit are kept in `server.files`."""

    def do_GET(self) -> None:
        is_known = self.headers["Authorization"] == "Bearer hf_writer" and self.path == "/api/whoami-v2"
        self.answer(200 if is_known else 401, {"name": "me", "auth": {"accessToken": {"role": "write"}}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        here = f"http://{self.headers['Host']}"
        if self.path.endswith("/preupload/main"):
            how = {"uploadMode": "regular", "shouldIgnore": False}
            self.answer(200, {"files": [{"path": file["path"], **how} for file in json.loads(body)["files"]]})
        elif self.path.endswith("/commit/main"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.answer(200, {"commitUrl": f"{here}/me/lamps/commit/1", "commitOid": "1", "success": True})
        else:  # a new repository, the check of the model card's head
            self.server.asked[self.path] = json.loads(body)
            self.answer(200, {"url": f"{here}/me/lamps", "errors": [], "warnings": []})

    def answer(self, code: int, value: dict) -> None:
        content = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments) -> None:
        pass


@pytest.fixture
def hub():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.files, server.asked = {}, {}
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def on(hub, token: str) -> dict[str, str]:
    """The environment in which `hub` is the hub."""
    return {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_OFFLINE": "0", "HF_TOKEN": token}


def test_everything_at_once(folder, llama_cpp, hub):
    """One training with a GGUF file, a model card and an upload."""
    flags = ("--model.save_gguf", KIND, "--model.llama_cpp_dir", str(llama_cpp), "--model.push_to_hub", "me/lamps")
    done = run_well("fine_tuning.py", folder, *DEMO, *QUICK, *flags, **on(hub, "hf_writer"))
    assert "END OF FINE-TUNING" in done.screen

    gguf = folder / "gguf_model_demo"
    assert {file.name for file in gguf.iterdir()} == {f"model-{KIND}.gguf", "Modelfile"}
    written = {"q4_k_m": "GGUF auto q4_k_m", "q8_0": "GGUF q8_0"}[KIND]
    assert (gguf / f"model-{KIND}.gguf").read_text() == written
    modelfile = (gguf / "Modelfile").read_text(encoding="utf-8")
    assert modelfile.startswith(f"FROM ./model-{KIND}.gguf\n")
    template = re.search(r'TEMPLATE """(.*?)\{\{ \.Response \}\}"""', modelfile, re.DOTALL)[1]
    assert template.replace("{{ .Prompt }}", "Lamp") == product_prompt("Lamp")
    assert "PARAMETER temperature 0.2\nPARAMETER repeat_penalty 1.15\n" in modelfile
    assert 'PARAMETER stop "### Instruction:"\nPARAMETER num_predict 4\nPARAMETER num_ctx 8192\n' in modelfile
    assert not (folder / "merged_model_demo").exists()

    adapter = folder / "lora_model_demo"
    card = (adapter / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: peft\n")
    assert "An adapter for `tiny`." in card
    for file in ("trn_processed.json", "trn_processed_dataset.json"):
        assert f"| `{file}` | `{content_hash(folder / file)}` |" in card
    shown = re.search(r"Final training loss +: ([\d.]+)", done.screen)[1]
    assert f"| training | {shown} |" in card
    assert "| `lora.r` | 2 |" in card
    assert "| `training.max_steps` | 2 |" in card
    assert product_prompt("TITLE") in card

    assert hub.files == {file.name: file.read_bytes() for file in adapter.iterdir()}
    created = hub.asked["/api/repos/create"]
    assert created == {"organization": "me", "name": "lamps", "visibility": "private"}


REFUSED = {
    "no llama.cpp": (("--model.save_gguf", "q8_0"), {}, ("convert_hf_to_gguf.py", "git clone", "llama_cpp_dir")),
    "no token": (("--model.push_to_hub", "me/lamps"), {"HF_TOKEN": ""}, ("me/lamps", "hf auth login")),
    "no repository": (("--model.push_to_hub", "a/b/c"), {}, ("a/b/c",)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_missing_is_said_before_the_training(folder, case, tmp_path_factory):
    flags, environment, words = REFUSED[case]
    nothing = str(tmp_path_factory.mktemp("nothing"))
    done = run_script("fine_tuning.py", folder, *DEMO, *QUICK, *flags, PATH=nothing, HF_HOME=nothing, **environment)
    assert_refused(done, *words)
    assert [file.name for file in folder.iterdir()] == ["trn_processed.json"]


def test_unknown_token_is_refused(folder, hub):
    flags = (*DEMO, *QUICK, "--model.push_to_hub", "me/lamps")
    assert_refused(run_script("fine_tuning.py", folder, *flags, **on(hub, "hf_nobody")), "me/lamps", "hf auth login")


def test_missing_quantiser_is_said_before_the_training(folder, llama_cpp, tmp_path):
    (llama_cpp / "build" / "bin" / "llama-quantize").unlink()
    flags = (*DEMO, *QUICK, "--model.save_gguf", "q4_k_m", "--model.llama_cpp_dir", str(llama_cpp))
    done = run_script("fine_tuning.py", folder, *flags, PATH=str(tmp_path))
    assert_refused(done, "llama-quantize", "releases", "q8_0")


def test_model_that_llama_cpp_does_not_know_is_refused(tmp_path, llama_cpp):
    """The script asks between loading the model and training it."""
    settings = demo_settings(tmp_path, "--model.save_gguf", "f16", "--model.llama_cpp_dir", str(llama_cpp))
    language_model = load_foundation_model(settings)
    rehearse_gguf(language_model, settings)
    converter = llama_cpp / "convert_hf_to_gguf.py"
    converter.write_text(CONVERTER.replace("LlamaForCausalLM", "OtherForCausalLM"), encoding="utf-8")
    with pytest.raises(UserError, match="convert_hf_to_gguf.py.*Model is not supported"):
        rehearse_gguf(language_model, settings)
