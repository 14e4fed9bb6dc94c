"""Taking the trained model elsewhere: merged in 16 bits, as a GGUF file for llama.cpp and Ollama, or to the hub.

A GGUF file is written by llama.cpp's own programs: convert_hf_to_gguf.py and, for types smaller than 8 bits,
llama-quantize.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from config import ModelSettings, Settings
from pipeline.catalogue.prompts import NEXT_QUESTION, PromptFormat, product_prompt
from pipeline.model.loading import LanguageModel, resolve_dtype
from pipeline.model.tokens import token_ids
from pipeline.runtime.artifacts import new_folder, require_replaceable, write_meta
from pipeline.runtime.errors import UserError, first_line
from pipeline.runtime.messages import _
from pipeline.training.merging import save_configuration, save_merged_model

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONVERTER = "convert_hf_to_gguf.py"
QUANTIZER = "llama-quantize.exe" if sys.platform == "win32" else "llama-quantize"
CONVERTED_DIRECTLY = ("f16", "q8_0")  # the converter writes these itself
BUILD_FOLDERS = ("", "build/bin", "build/bin/Release")  # where llama.cpp's build puts its programs
LLAMA_CPP = "https://github.com/ggml-org/llama.cpp"


# ------------------------------------------------------------------------------------------------- before the training


def require_export_tools(settings: Settings) -> None:
    """Raise UserError where a program or a login is missing that the wanted exports need, or a folder is not free."""
    model = settings.model
    if model.save_merged:
        require_replaceable(model.merged_dir)
    if model.save_gguf:
        require_replaceable(model.gguf_dir)
        find_converter(model)
        if model.save_gguf not in CONVERTED_DIRECTLY:
            find_quantizer(model)
    if model.push_to_hub:
        require_hub_login(model.push_to_hub)


def find_converter(model: ModelSettings) -> Path:
    """llama.cpp's converter. Raises UserError where it is not there."""
    file = _find(CONVERTER, model)
    if file is None:
        raise UserError(
            _(
                "--model.save_gguf needs {program} of llama.cpp, which is not there. Get it: git clone {address}, and "
                "add --model.llama_cpp_dir llama.cpp"
            ).format(program=CONVERTER, address=LLAMA_CPP)
        )
    return file


def find_quantizer(model: ModelSettings) -> Path:
    """llama.cpp's quantiser. Raises UserError where it is not there."""
    file = _find(QUANTIZER, model)
    if file is None:
        raise UserError(
            _(
                "--model.save_gguf {kind} needs {program} of llama.cpp, which is not there. Unpack a release of "
                "{address}/releases into a folder on PATH, or build it in the folder of llama.cpp: cmake -B build, "
                "then cmake --build build --config Release --target llama-quantize. q8_0 and f16 do without it."
            ).format(kind=model.save_gguf, program=QUANTIZER, address=LLAMA_CPP)
        )
    return file


def _find(program: str, model: ModelSettings) -> Path | None:
    """`program` in `model.llama_cpp_dir`, where that is set, or in a folder of PATH."""
    folders = [model.llama_cpp_dir / part for part in BUILD_FOLDERS] if model.llama_cpp_dir else []
    files = [folder / program for folder in (*folders, *map(Path, os.get_exec_path()))]
    return next((file.resolve() for file in files if file.is_file()), None)


def require_hub_login(name: str) -> None:
    """Raise UserError unless `name` can be a repository and the hub knows this user, with a token that may write."""
    from httpx import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
        token = HfApi().whoami().get("auth", {}).get("accessToken", {})
    except (HTTPError, OSError, ValueError) as error:
        reason = first_line(error)
    else:
        if token.get("role") != "read":
            return
        reason = _("the token may only read")
    raise UserError(
        _("--model.push_to_hub {name}: the hub does not accept it ({reason}). Log in: hf auth login").format(
            name=name, reason=reason
        )
    ) from None


def rehearse_gguf(language_model: LanguageModel, settings: Settings) -> None:
    """Have llama.cpp convert the vocabulary, where a GGUF file is wanted: so the training is not in vain.

    Raises UserError where the converter does not run here, or does not know this kind of model or tokenizer.
    """
    if settings.model.save_gguf:
        with TemporaryDirectory() as folder:
            save_configuration(language_model, Path(folder), resolve_dtype(settings), settings)
            _convert(Path(folder), Path(folder) / "vocabulary.gguf", settings, "--vocab-only")


# -------------------------------------------------------------------------------------------------- after the training


def export(language_model: LanguageModel, meta: dict, settings: Settings) -> None:
    """Write and upload what the settings want besides the adapter, which is saved; `meta` says what made it."""
    model = settings.model
    adapter = [model.lora_dir / "adapter_model.safetensors"]
    if model.save_merged:
        with new_folder(model.merged_dir) as folder:
            merge(language_model, folder, settings)
        write_meta(model.merged_dir, meta, adapter)
        print(_("Merged model saved to {folder}").format(folder=model.merged_dir))
    if model.save_gguf:
        with new_folder(model.gguf_dir) as folder:
            if model.save_merged:
                save_gguf(model.merged_dir, folder, language_model, settings)
            else:
                merged = folder / "merged"
                merged.mkdir()
                merge(language_model, merged, settings)
                save_gguf(merged, folder, language_model, settings)
                shutil.rmtree(merged)
        write_meta(model.gguf_dir, meta, adapter)
        print(_("GGUF file and Modelfile saved to {folder}").format(folder=model.gguf_dir))
    if model.push_to_hub:
        push_to_hub(model)


def merge(language_model: LanguageModel, folder: Path, settings: Settings) -> None:
    print(_("Merging the adapter into the model, in 16 bits..."))
    save_merged_model(language_model, folder, settings)


def save_gguf(merged: Path, folder: Path, language_model: LanguageModel, settings: Settings) -> None:
    """Write the model in the folder `merged` to `folder` as a GGUF file, with the Modelfile that Ollama reads."""
    kind = settings.model.save_gguf
    file = folder / f"model-{kind}.gguf"
    print(_("Converting the model to GGUF with llama.cpp..."), flush=True)
    if kind in CONVERTED_DIRECTLY:
        _convert(merged, file, settings, "--outtype", kind)
    else:
        whole = folder / "model-16bit.gguf"
        _convert(merged, whole, settings)
        print(_("Quantising the GGUF file to {kind}...").format(kind=kind), flush=True)
        _run([find_quantizer(settings.model), whole, file, kind])
        whole.unlink()
    form = without_start(language_model.form, language_model.tokenizer)
    (folder / "Modelfile").write_text(modelfile(file.name, form, settings), encoding="utf-8", newline="\n")


def without_start(form: PromptFormat, tokenizer: PreTrainedTokenizerBase) -> PromptFormat:
    """`form` without the token that starts a text, where Ollama puts one there itself, as the tokenizer does."""
    start = tokenizer.bos_token
    if not start or token_ids(tokenizer, ["a"])[0][0] != tokenizer.bos_token_id:
        return form
    return form._replace(before=form.before.removeprefix(start))


def modelfile(gguf_name: str, form: PromptFormat, settings: Settings) -> str:
    """Ollama's description of the model: a title that is typed becomes the prompt that the model was trained on.

    Its penalty counts the last `repeat_last_n` tokens, and those of the prompt too, which ours leaves alone: after a
    short prompt without documents that hardly matters.
    """
    generation = settings.generation
    return (
        f"FROM ./{gguf_name}\n"
        f'TEMPLATE """{product_prompt("{{ .Prompt }}", form)}{{{{ .Response }}}}"""\n'
        f"PARAMETER temperature {generation.temperature if generation.do_sample else 0}\n"
        f"PARAMETER repeat_penalty {generation.repetition_penalty}\n"
        f"PARAMETER repeat_last_n {generation.max_new_tokens}\n"
        f'PARAMETER stop "{NEXT_QUESTION}"\n'
        f"PARAMETER num_predict {generation.max_new_tokens}\n"
        f"PARAMETER num_ctx {settings.model.max_seq_length}\n"
        f"PARAMETER seed {generation.seed}\n"
    )


def push_to_hub(model: ModelSettings) -> None:
    """Upload the folder of the adapter to the repository `model.push_to_hub`; a new one is private."""
    from httpx import HTTPError
    from huggingface_hub import HfApi

    print(_("Uploading the adapter to {name}...").format(name=model.push_to_hub), flush=True)
    try:
        repository = HfApi().create_repo(model.push_to_hub, private=True, exist_ok=True)
        HfApi().upload_folder(repo_id=repository.repo_id, folder_path=model.lora_dir)
    except (HTTPError, OSError, ValueError) as error:
        raise UserError(
            _(
                "The adapter is saved in {folder}, but could not be uploaded ({reason}). "
                "Upload it: hf upload {name} {folder}"
            ).format(folder=model.lora_dir, name=model.push_to_hub, reason=first_line(error))
        ) from None
    print(_("Adapter uploaded to {address}").format(address=repository))


def _convert(model_dir: Path, file: Path, settings: Settings, *flags: str) -> None:
    _run([sys.executable, find_converter(settings.model), model_dir, "--outfile", file, *flags])


def _run(command: list) -> None:
    """Run a program of llama.cpp. Raises UserError with the last line that it printed where it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines() or [str(done.returncode)]
        program = next(Path(word).name for word in map(str, command) if word != sys.executable)
        raise UserError(
            _("llama.cpp's {program} could not convert this model: {reason}").format(program=program, reason=lines[-1])
        )
