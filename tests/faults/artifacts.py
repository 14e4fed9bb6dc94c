"""Artifacts of earlier stages that were damaged, and models that are not what they should be."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.faults.case import Case
from tests.running import demo_settings

TRAINING, INDEXING = "fine_tuning.py", "rag_indexing.py"
ANSWERING, TRAINED, SEARCHING = "foundation_model.py", "ft_test_trained_model.py", "rag_search_vs.py"

PROCESSED = "trn_processed.json"
LORA = "lora_model_demo"
CHROMA = "chroma_db"
GOOD = '{"product": "One", "description": "A description."}'


def write(name: str, content: str | bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content.encode("utf-8") if isinstance(content, str) else content)

    return damage


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def edit_json(name: str, **values) -> Callable[[Path], None]:
    return edit(name, lambda content: json.dumps(json.loads(content) | values).encode())


def remove(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


# ---------------------------------------------------------------------------------------------- the clean catalogue

CATALOGUES: dict[str, tuple[str | bytes | None, tuple[str, ...]]] = {
    "that is not there": (None, (PROCESSED, "python process_data.py")),
    "empty": ("", (PROCESSED,)),
    "without products": ("[\n]\n", (PROCESSED,)),
    "cut off in a line": (f"[\n{GOOD},\n{GOOD[:30]}", (PROCESSED, "line 3", "python process_data.py")),
    "in UTF-16": (f"[\n{GOOD}\n]\n".encode("utf-16"), (PROCESSED, "line 1")),
    "of random bytes": (bytes(range(128, 256)) * 50, (PROCESSED, "line 1")),
    "with a number as title": ('[\n{"product": 1, "description": "x"}\n]\n', (PROCESSED, "line 2")),
    "with a record without description": ('[\n{"product": "One"}\n]\n', (PROCESSED, "line 2")),
    "nested 100,000 deep": ("[" * 100_000, (PROCESSED, "line 1")),
    "on one line": (f"[{GOOD}, {GOOD}]", (PROCESSED, "line 1")),
    "that is a raw one": ('{"title": "One", "content": "x"}\n', (PROCESSED, "line 1")),
}


def catalogue(name: str, content: str | bytes | None, words: tuple[str, ...], script: str) -> Case:
    damage = write(PROCESSED, content) if content is not None else lambda folder: None
    return Case(script, f"catalogue {name}", damage, words, slow=script == TRAINING and content is not None)


METAS = {
    "empty": "",
    "cut off": '{"format": 1, "inp',
    "an array": "[]",
    "in UTF-16": "{}".encode("utf-16"),
    "of random bytes": bytes(range(128, 256)),
    "with a list of inputs": '{"inputs": ["trn.json"]}',
    "nested 100,000 deep": "[" * 100_000,
}

CATALOGUE_CASES = [
    *(catalogue(name, *case, script) for script in (INDEXING, TRAINING) for name, case in CATALOGUES.items()),
    *(
        Case(
            INDEXING,
            f"meta file of the catalogue {name}",
            write(f"{PROCESSED}.meta.json", content),
            (f"{PROCESSED}.meta.json is damaged",),
            inputs=(PROCESSED,),
        )
        for name, content in METAS.items()
    ),
    Case(
        INDEXING,
        "catalogue from a newer version",
        edit_json(f"{PROCESSED}.meta.json", format=99),
        (f"{PROCESSED}.meta.json is from a newer version",),
        inputs=(PROCESSED,),
    ),
    Case(
        TRAINING,
        "catalogue from a newer version",
        edit_json(f"{PROCESSED}.meta.json", format=99),
        (f"{PROCESSED}.meta.json is from a newer version",),
        inputs=(PROCESSED,),
    ),
]


# ----------------------------------------------------------------------------------------------------------- models


class RunsCode:
    """A pickle of it writes a file where it is loaded."""

    def __reduce__(self):
        return Path.touch, (Path("HOSTILE_CODE_RAN"),)


def with_hostile_code(folder: Path) -> None:
    """Code that a model folder brings along, for the configuration, the model and the tokenizer."""
    code = "import pathlib\npathlib.Path('HOSTILE_CODE_RAN').touch()\n"
    (folder / "model" / "hostile.py").write_text(code + "class Config: pass\nclass Model: pass\n", encoding="utf-8")
    auto_map = {
        "AutoConfig": "hostile.Config",
        "AutoModelForCausalLM": "hostile.Model",
        "AutoTokenizer": ["hostile.T", None],
    }
    edit_json("model/config.json", auto_map=auto_map, model_type="hostile")(folder)


def no_code_ran(folder: Path) -> None:
    assert not list(folder.rglob("HOSTILE_CODE_RAN"))


def model(name: str, damage: Callable[[Path], None], words: tuple[str, ...], **more) -> Case:
    def make(folder: Path) -> None:
        shutil.copytree(demo_settings(folder).model.name, folder / "model")
        damage(folder)

    return Case(ANSWERING, name, make, words, flags=("--model.name", "model", "--products", "One"), slow=True, **more)


def replaced_by_pickle(folder: Path, weights: str, pickled: str) -> None:
    (folder / weights).unlink()
    (folder / pickled).write_bytes(pickle.dumps(RunsCode()))


MODEL_CASES = [
    model(
        "model folder that brings code along",
        with_hostile_code,
        ("model",),
    ),
    model(
        "model whose weights are a pickle",
        lambda folder: replaced_by_pickle(folder / "model", "model.safetensors", "pytorch_model.bin"),
        ("safetensors",),
    ),
    model("model without configuration", remove("model/config.json"), ("model", "--model.name")),
    model("model with a damaged configuration", write("model/config.json", "{"), ("model", "--model.name")),
    model("model without tokenizer", remove("model/tokenizer.json"), ("model", "--model.name")),
    model(
        "model with a damaged tokenizer",
        write("model/tokenizer.json", "{"),
        ("model", "--model.name"),
    ),
    model(
        "model with truncated weights",
        edit("model/model.safetensors", lambda content: content[:-1000]),
        ("model.safetensors", "--model.name"),
    ),
    model(
        "model folder that is empty",
        lambda folder: (shutil.rmtree(folder / "model"), (folder / "model").mkdir()),
        ("model", "--model.name"),
    ),
]


def adapter(name: str, damage: Callable[[Path], None], words: tuple[str, ...], **more) -> Case:
    return Case(TRAINED, name, damage, words, inputs=(PROCESSED, LORA), flags=("--products", "One"), slow=True, **more)


WEIGHTS = f"{LORA}/adapter_model.safetensors"
CONFIG = f"{LORA}/adapter_config.json"


def without_half_of_the_weights(content: bytes) -> bytes:
    from safetensors.numpy import load, save

    weights = load(content)
    return save({name: weights[name] for name in sorted(weights)[::2]})


ADAPTER_CASES = [
    adapter("adapter that is not there", remove(LORA), (LORA, "python fine_tuning.py")),
    adapter(
        "adapter folder that is empty",
        lambda folder: (shutil.rmtree(folder / LORA), (folder / LORA).mkdir()),
        ("no whole LoRA adapter", "python fine_tuning.py"),
    ),
    adapter("adapter that is a file", lambda folder: (shutil.rmtree(folder / LORA), (folder / LORA).touch()), (LORA,)),
    adapter(
        "adapter with truncated weights",
        edit(WEIGHTS, lambda content: content[:-1000]),
        ("adapter_model.safetensors", "python fine_tuning.py"),
    ),
    adapter(
        "adapter whose weights are a pickle",
        lambda folder: replaced_by_pickle(folder / LORA, "adapter_model.safetensors", "adapter_model.bin"),
        ("safetensors", "python fine_tuning.py"),
    ),
    adapter(
        "adapter of another rank than its configuration says",
        edit_json(CONFIG, r=4),
        (LORA, "fine_tuning.py"),
    ),
    adapter(
        "adapter without half of its weights",
        edit(WEIGHTS, without_half_of_the_weights),
        (LORA, "fine_tuning.py"),
    ),
    adapter(
        "adapter for projections that the model lacks",
        edit_json(CONFIG, target_modules=["wq"]),
        (LORA,),
    ),
    adapter(
        "adapter of another method",
        edit_json(CONFIG, peft_type="MAGIC"),
        (LORA,),
    ),
    adapter(
        "adapter of another foundation model",
        edit_json(CONFIG, base_model_name_or_path="some/other"),
        ("some/other", "--model.name"),
    ),
    adapter("adapter configuration damaged", write(CONFIG, "{"), ("no whole LoRA adapter",)),
    adapter("adapter configuration an array", write(CONFIG, "[]"), ("no whole LoRA adapter",)),
    adapter(
        "adapter configuration with a number as model",
        edit_json(CONFIG, base_model_name_or_path=7),
        (LORA,),
    ),
    adapter(
        "catalogue changed since the training",
        edit(PROCESSED, lambda content: content + b"\n"),
        (PROCESSED, "is not what", "python fine_tuning.py"),
    ),
    adapter("meta file of the adapter damaged", write(f"{LORA}.meta.json", "{"), (f"{LORA}.meta.json is damaged",)),
    adapter(
        "adapter from a newer version",
        edit_json(f"{LORA}.meta.json", format=99),
        (f"{LORA}.meta.json is from a newer version",),
    ),
]


# ------------------------------------------------------------------------------------------------------------ index


def index(name: str, damage: Callable[[Path], None], words: tuple[str, ...], **more) -> Case:
    return Case(SEARCHING, name, damage, words, inputs=(PROCESSED, CHROMA), flags=("--products", "One"), **more)


def without_segments(folder: Path) -> None:
    for segment in (folder / CHROMA).iterdir():
        if segment.is_dir():
            shutil.rmtree(segment)


def segments_of_zeros(folder: Path) -> None:
    for file in (folder / CHROMA).glob("*/*.bin"):
        file.write_bytes(b"\0" * file.stat().st_size)


DATABASE = f"{CHROMA}/chroma.sqlite3"
REMEDY = "python rag_indexing.py"

INDEX_CASES = [
    index("index that is not there", remove(CHROMA), (CHROMA, REMEDY)),
    index("index without its meta file: it was not finished", remove(f"{CHROMA}.meta.json"), ("not complete", REMEDY)),
    index("meta file of the index damaged", write(f"{CHROMA}.meta.json", '{"settings"'), ("meta.json is damaged",)),
    index(
        "meta file of the index without its settings",
        write(f"{CHROMA}.meta.json", "{}"),
        (CHROMA,),
    ),
    index("meta file of the index with null for the sizes", edit_json(f"{CHROMA}.meta.json", graph=None), ("damaged",)),
    index("index from a newer version", edit_json(f"{CHROMA}.meta.json", format=99), ("newer version",)),
    index(
        "catalogue changed since the indexing",
        edit(PROCESSED, lambda content: content + b"\n"),
        (PROCESSED, "is not what", REMEDY),
    ),
    index("database of random bytes", write(DATABASE, bytes(range(256)) * 100), (CHROMA, REMEDY), slow=True),
    index(
        "database cut off",
        edit(DATABASE, lambda content: content[: len(content) // 2]),
        (CHROMA, REMEDY),
        slow=True,
    ),
    index("database empty", write(DATABASE, b""), (CHROMA, REMEDY), slow=True),
    index(
        "index folder empty",
        lambda folder: (shutil.rmtree(folder / CHROMA), (folder / CHROMA).mkdir()),
        (CHROMA, REMEDY),
        slow=True,
    ),
    index("vectors of the index lost", without_segments, (CHROMA, REMEDY), slow=True),
    index(
        "vectors of the index overwritten",
        segments_of_zeros,
        (CHROMA, REMEDY),
        slow=True,
    ),
    index(
        "index made with another embedding model",
        edit_json(f"{CHROMA}.meta.json", settings={"collection": "products", "embedding_model": "some/other"}),
        ("some/other", REMEDY),
    ),
    Case(
        INDEXING,
        "index folder that is a file",
        lambda folder: (folder / CHROMA).touch(),
        (CHROMA,),
        inputs=(PROCESSED,),
        slow=True,
    ),
    Case(
        INDEXING,
        "database of the index damaged",
        write(DATABASE, bytes(range(256)) * 100),
        (CHROMA,),
        inputs=(PROCESSED, CHROMA),
        slow=True,
    ),
]

ARTIFACTS = [*CATALOGUE_CASES, *MODEL_CASES, *ADAPTER_CASES, *INDEX_CASES]
