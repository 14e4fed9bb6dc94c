"""Every setting of every script, in one place.

A value comes from the first of these that names it: the command line (`--training.max_steps 60`), the environment
(`DESCRIBE_TRAINING__MAX_STEPS=60`), `settings.toml` in the current folder, the profile (`--profile demo`), the default
below. The defaults are those of the first version of this pipeline, for a Llama-3-8B on an 8 GB card, but for the
packing of examples and for checkpoints every 100 steps (it had `packing` false and `save_steps` 1000).
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from pipeline.runtime.messages import LANGUAGES, N_, _, set_language

try:
    from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
    from pydantic_settings import (
        BaseSettings,
        PydanticBaseSettingsSource,
        SettingsConfigDict,
        TomlConfigSettingsSource,
    )

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
except ModuleNotFoundError as error:  # every script comes by here first: most often .venv is not active
    set_language(None)
    print(
        _(
            "Error: {package} is not installed for {python}. Activate .venv (PowerShell: "
            ".\\.venv\\Scripts\\Activate.ps1; bash: source .venv/bin/activate), or install: python bootstrap.py"
        ).format(package=error.name, python=sys.executable),
        file=sys.stderr,
    )
    sys.exit(2)

PROJECT_DIR = Path(__file__).resolve().parent

SETTINGS_FILE = Path("settings.toml")
ENVIRONMENT_PREFIX = "DESCRIBE_"
DEFAULT_PROFILE = "llama-3-8b"

PROFILES: dict[str, dict] = {
    "llama-3-8b": {},
    "demo": {
        "products": [
            "Umberleigh Women's burgundy Duffle Coat",
            "What Rosalind Brontov Heard",
            "Kestrelby Clamp",
            "Night Train",
        ],
        "work_dir": "demo_output",
        "data": {"raw_file": str(PROJECT_DIR / "demo" / "trn.json.gz"), "duplicates": "keep"},
        "model": {
            "name": "HuggingFaceTB/SmolLM2-135M-Instruct",
            "prompt_format": "chat",
            "lora_dir": "lora_model_demo",
            "merged_dir": "merged_model_demo",
            "gguf_dir": "gguf_model_demo",
            "max_seq_length": 2048,
            "load_in_4bit": False,
            "backend": "transformers",
            "device_map": "cpu",
        },
        # The last layers only: gradients need not go through the ones before.
        "lora": {"layers_to_transform": list(range(20, 30))},
        "training": {
            "max_examples": 128,
            "held_out_percent": 20,
            "num_train_epochs": 1,
            "per_device_train_batch_size": 4,
            "gradient_accumulation_steps": 1,
            "warmup_steps": 5,
            "learning_rate": 2e-3,
            "max_grad_norm": 1.0,
            "optim": "adamw_torch",
            "gradient_checkpointing": False,
            "logging_steps": 4,
            "save_steps": 16,
            "eval_examples": 16,
            "eval_steps": 32,  # before the first step and after the last one
        },
        "generation": {"max_new_tokens": 112},
        # A model this small keeps more closely to one document than to several.
        "rag": {"embedding_model": "sentence-transformers/all-MiniLM-L6-v2", "max_records": 1000, "top_k": 1},
        "comparison": {"sample": 34},  # 17 of them are in the index, and so are three of the titles above: 20 count
    },
}


class Role(Enum):
    """What a setting decides. It stands on the setting itself, so that no other module keeps a list of names."""

    EXAMPLES = "which examples are trained on"
    LEARNED = "what an adapter learns: with another value it is another training"
    ANSWERED = "what is answered: with another value, kept answers are out of date"
    HASHED = "what an artifact holds: the hash of the artifact stands for it in all later steps"
    RUN = "only how a run goes: its speed, its place, what it prints or writes besides"
    FOUND = "the path, or the name on the hub, of what the user brings: it does not lie in work_dir"
    WRITTEN = "the path of what the scripts write"
    REPLACED = "the folder of what a script writes and later replaces as a whole: nothing else can lie in it"


EXAMPLES, LEARNED, ANSWERED, HASHED, RUN, FOUND, WRITTEN, REPLACED = Role


def setting(
    default: Any,
    description: str,
    *roles: Role,
    short_flag: str | None = None,
    bare: Any = None,
    before: Any = None,
    **limits: Any,
) -> Any:
    """A field with its `description` (a message id) for --help, its roles, and pydantic's `limits`, like `ge=1`.

    `short_flag` is a second name on the command line, without the group; `bare` is the value of a flag without one;
    `before` is the value that stands for versions without the setting.
    """
    about = {"roles": roles, "short_flag": short_flag, "bare": bare, "before": before}
    return Field(default, description=description, json_schema_extra=about, **limits)


class Group(BaseModel):
    """A group of settings: a misspelt name is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def with_role(cls, role: Role) -> set[str]:
        """The names of the settings of this group that have `role`."""
        return {name for name, field in cls.model_fields.items() if role in field.json_schema_extra["roles"]}

    @classmethod
    def before(cls, name: str) -> Any:
        """The value that stands for versions without the setting `name`."""
        return cls.model_fields[name].json_schema_extra["before"]


class DataSettings(Group):
    """Script 1: the raw catalogue and what is made of it."""

    raw_file: str | list[str] = setting(
        "trn.json",
        N_("raw catalogue: files, a folder or a pattern (JSON, CSV, Excel, Parquet), or a dataset of the hub"),
        FOUND,
    )
    split: str | None = setting(None, N_("raw_file is a dataset of the hub: the split of it to read"), HASHED)
    title_field: str | None = setting(
        None, N_("field of the raw catalogue with the title; default: found by its name or its values"), HASHED
    )
    content_field: list[str] = setting(
        [], N_("fields with the content, joined in this order; default: found by name or values"), HASHED
    )
    processed_file: Path = setting(Path("trn_processed.json"), N_("the clean catalogue"), WRITTEN)
    rejected_file: Path = setting(Path("trn_rejected.jsonl"), N_("the records that could not be read"), WRITTEN)
    min_content_chars: int = setting(100, N_("records with a shorter raw content are dropped"), HASHED, ge=1)
    cleaning: Literal["readable", "original"] = setting(
        "readable", N_("readable: decode entities, drop tags, keep punctuation; original: drop all punctuation"), HASHED
    )
    duplicates: Literal["drop", "keep"] = setting(
        "drop", N_("drop: of records with the same title and content, the first one stays; keep: all stay"), HASHED
    )
    num_proc: int = setting(0, N_("processes that clean the records; 0: one for each core"), RUN, ge=0, le=64)

    @field_validator("raw_file", mode="before")
    @classmethod
    def one_name_alone(cls, value: Any) -> Any:
        """A list of one name, as the command line gives it, is this name."""
        names = [str(name) if isinstance(name, Path) else name for name in (value if type(value) is list else [value])]
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError("neither a text nor a list of texts")
        return names[0] if len(names) == 1 else names

    @property
    def raw_files(self) -> list[str]:
        """The names that `raw_file` gives."""
        return [self.raw_file] if isinstance(self.raw_file, str) else self.raw_file


class ModelSettings(Group):
    """Scripts 2, 3, 4 and 7: the language model and how it is loaded."""

    name: str = setting(
        "unsloth/llama-3-8b-bnb-4bit", N_("foundation model: a hub name or a local folder"), LEARNED, ANSWERED, FOUND
    )
    revision: str | None = setting(None, N_("commit or tag of the model on the hub"), LEARNED, ANSWERED)
    prompt_format: Literal["alpaca", "chat", "auto"] = setting(
        "alpaca",
        N_("alpaca: the project's own prompt; chat: the model's chat template; auto: chat where it has one"),
        LEARNED,
        ANSWERED,
        before="alpaca",
    )
    lora_dir: Path = setting(Path("lora_model_llama-3-8b-bnb-4bit"), N_("folder of the LoRA adapter"), REPLACED)
    max_seq_length: int = setting(8192, N_("longest sequence, prompt and answer, in tokens"), LEARNED, ANSWERED, ge=16)
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = setting(
        "auto",
        N_(
            "auto: bfloat16 if the card supports it, otherwise float16; without a card bfloat16 if the processor has "
            "instructions for it, otherwise float32"
        ),
        LEARNED,
        ANSWERED,
    )
    load_in_4bit: bool = setting(True, N_("load the weights in 4 bits (needs an NVIDIA card)"), LEARNED, ANSWERED)
    attn_implementation: Literal["auto", "flash_attention_2", "sdpa", "eager"] = setting(
        "auto",
        N_(
            "attention implementation of the transformers backend; Unsloth always chooses the fastest one "
            "that is installed"
        ),
        RUN,
    )
    device_map: Literal["auto", "cuda", "balanced", "cpu"] = setting(
        "auto",
        N_("where the model runs; auto: the card; balanced: its layers on all cards, if no single one can hold it"),
        RUN,
    )
    backend: Literal["auto", "unsloth", "transformers"] = setting(
        "auto", N_("auto: unsloth on an NVIDIA card, transformers without one"), RUN
    )
    save_merged: bool = setting(False, N_("also save the adapter merged into the model, in 16 bits"), RUN)
    merged_dir: Path = setting(Path("merged_model_llama-3-8b-16bit"), N_("folder of the merged model"), REPLACED)
    save_gguf: Literal["q4_k_m", "q8_0", "f16"] | None = setting(
        None, N_("also save a GGUF file of this type for llama.cpp and Ollama"), RUN
    )
    gguf_dir: Path = setting(Path("gguf_model_llama-3-8b"), N_("folder of the GGUF file"), REPLACED)
    llama_cpp_dir: Path | None = setting(None, N_("folder of llama.cpp, which writes it; default: PATH"), FOUND)
    push_to_hub: str | None = setting(None, N_("also upload the adapter to this repository, USER/NAME"), RUN)


class LoraSettings(Group):
    """Script 3: the shape of the adapter."""

    r: int = setting(32, N_("rank of the adapter"), LEARNED, ge=1)
    lora_alpha: int = setting(32, N_("scale of the adapter: its output is multiplied by alpha / r"), LEARNED, ge=1)
    lora_dropout: float = setting(0.0, N_("dropout before the adapter"), LEARNED, ge=0, lt=1)
    target_modules: list[str] = setting(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        N_("projections that get an adapter"),
        LEARNED,
        min_length=1,
    )
    layers_to_transform: list[int] = setting(
        [], N_("layers that get an adapter, counted from 0; none named: all of them"), LEARNED, before=[]
    )


class TrainingSettings(Group):
    """Script 3: the names are those of TRL's SFTConfig, where it has them."""

    dataset_file: Path = setting(Path("trn_processed_dataset.json"), N_("the training examples"), WRITTEN)
    max_examples: int = setting(5000, N_("number of training examples; 0: all"), LEARNED, EXAMPLES, ge=0)
    held_out_percent: int = setting(
        10, N_("share of the products, by title, that is never trained on, in percent"), LEARNED, EXAMPLES, ge=0, le=90
    )
    retrieval_share: float = setting(
        0,
        N_(
            "share of the examples, 0 to 1, that has rag.top_k documents in the prompt, as script 7 asks, so that the "
            "model learns to read them"
        ),
        LEARNED,
        EXAMPLES,
        before=0,
        ge=0,
        le=1,
    )
    missing_share: float = setting(
        0.2,
        N_(
            "share of the examples with documents, 0 to 1, that teach to say that the product is not in the catalogue, "
            "since its own document is missing; more say so more often, rightly and wrongly"
        ),
        LEARNED,
        EXAMPLES,
        before=0.2,
        ge=0,
        le=1,
    )
    num_train_epochs: float = setting(2, N_("passes over the examples"), LEARNED, gt=0)
    max_steps: int = setting(
        -1, N_("stop after this many optimizer steps; -1 or 0: the number of epochs decides"), LEARNED, ge=-1
    )
    per_device_train_batch_size: int = setting(2, N_("examples a step on each card"), LEARNED, ge=1)
    gradient_accumulation_steps: int = setting(4, N_("steps whose gradients are added up"), LEARNED, ge=1)
    warmup_steps: int = setting(5, N_("steps over which the learning rate rises"), LEARNED, ge=0)
    learning_rate: float = setting(2e-4, N_("learning rate"), LEARNED, gt=0)
    weight_decay: float = setting(0.01, N_("weight decay"), LEARNED, ge=0)
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = setting(
        "linear", N_("course of the learning rate"), LEARNED
    )
    optim: Literal["adamw_8bit", "paged_adamw_8bit", "adamw_torch"] = setting("adamw_8bit", N_("optimizer"), LEARNED)
    max_grad_norm: float = setting(0.3, N_("gradients are clipped to this norm"), LEARNED, gt=0)
    gradient_checkpointing: bool = setting(True, N_("save memory by computing activations twice"), LEARNED)
    packing: bool = setting(
        True,
        N_(
            "pack the examples of a micro-batch end to end, without padding, so that none sees another; false: pad them"
        ),
        LEARNED,
    )
    fsdp: bool = setting(
        False,
        N_("several cards: each holds a part of the model (FSDP) instead of all of it, which may fit no single card"),
        LEARNED,
        before=False,
    )
    memory_gb: float | None = setting(
        None, N_("plan for a card with this many GB; default: the card's free memory"), RUN, gt=0
    )
    plan_only: bool = setting(False, N_("print the plan of the memory and stop"), RUN)
    dataset_num_proc: int = setting(1, N_("processes that tokenize the examples"), RUN, ge=1)
    logging_steps: int = setting(1, N_("steps between two lines of figures"), RUN, ge=1)
    save_steps: int = setting(100, N_("steps between two checkpoints, of which the last two are kept"), RUN, ge=1)
    eval_examples: int = setting(
        64, N_("held-out products whose loss is followed, which are never trained on; 0: none"), RUN, ge=0
    )
    eval_steps: int = setting(
        100, N_("steps between two held-out losses; there is one at the start and at the end too"), RUN, ge=1
    )
    early_stopping_patience: int = setting(
        0,
        N_("stop after this many held-out losses without an improvement, and keep the best adapter; 0: never"),
        LEARNED,
        ge=0,
    )
    report_to: Literal["none", "tensorboard", "trackio"] = setting(
        "none", N_("also show the figures there; the package has to be installed"), RUN
    )
    output_dir: Path = setting(Path("trainer_outputs"), N_("folder of the checkpoints"), WRITTEN)
    resume: Literal["auto", "never"] = setting(
        "auto",
        N_("auto: an interrupted training continues from its last checkpoint; never: it starts from the beginning"),
        RUN,
    )
    seed: int = setting(3407, N_("seed of everything random in training"), LEARNED, ge=0)


class GenerationSettings(Group):
    """Scripts 2, 3, 4 and 7: how an answer is generated."""

    max_new_tokens: int = setting(128, N_("longest answer, in tokens"), ANSWERED, ge=1)
    temperature: float = setting(0.2, N_("0: always the likeliest token; higher: more varied"), ANSWERED, ge=0, le=2)
    do_sample: bool = setting(
        True, N_("sample the next token according to its probability; false: always take the likeliest"), ANSWERED
    )
    repetition_penalty: float = setting(
        1.15,
        N_("makes tokens that stand in the answer already less likely; 1: does not"),
        ANSWERED,
        before=1.0,
        ge=1,
        le=2,
    )
    use_cache: bool = setting(True, N_("keep what was computed for earlier tokens"), RUN)
    seed: int = setting(3407, N_("seed of the random sampling: the same seed gives the same answers"), ANSWERED, ge=0)
    batch_size: int = setting(0, N_("answers generated at once; 0: as many as fit into memory"), RUN, ge=0)


class RagSettings(Group):
    """Scripts 5, 6 and 7: the index and the search in it."""

    embedding_model: str = setting(
        "sentence-transformers/all-mpnet-base-v2", N_("embedding model: a hub name or a local folder"), ANSWERED, FOUND
    )
    embedding_batch_size: int = setting(
        0, N_("texts embedded at once; 0: 8 on a CPU, where more are slower, 128 on a card"), RUN, ge=0
    )
    vectors_dir: Path = setting(
        Path("vectors"), N_("folder where vectors are kept, so that no text is embedded twice"), WRITTEN
    )
    chroma_dir: Path = setting(Path("chroma_db"), N_("folder of the Chroma index"), WRITTEN)
    server: str | None = setting(
        None,
        N_("address of a running Chroma server, like http://127.0.0.1:8000, to use instead of the folder"),
        RUN,
        pattern=r"^https?://[^/]+/?$",
    )
    collection: str = setting(
        "products", N_("name of the collection in Chroma"), RUN, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,61}[a-zA-Z0-9]$"
    )
    max_records: int = setting(5000, N_("number of products to index; 0: all"), HASHED, ge=0)
    method: Literal["dense", "keyword", "hybrid"] = setting(
        "hybrid",
        N_("dense: by meaning; keyword: by words and parts of words; hybrid: first the same title, then both methods"),
        ANSWERED,
    )
    reranker: str | None = setting(
        None,
        N_("cross-encoder that orders what was found: a hub name or a local folder; default: none"),
        ANSWERED,
        FOUND,
    )
    top_k: int = setting(3, N_("products to retrieve for a question"), ANSWERED, ge=1, le=100)


class AnswerSettings(Group):
    """Scripts 2, 4, 7 and 8: where the answers are kept for the comparison."""

    foundation_file: Path = setting(Path("answers_foundation.json"), N_("answers of the foundation model"), WRITTEN)
    fine_tuned_file: Path = setting(Path("answers_fine_tuned.json"), N_("answers of the fine-tuned model"), WRITTEN)
    rag_file: Path = setting(Path("answers_rag.json"), N_("answers with retrieval"), WRITTEN)
    rag_fine_tuned_file: Path = setting(
        Path("answers_rag_fine_tuned.json"), N_("answers of the fine-tuned model with retrieval"), WRITTEN
    )


class ComparisonSettings(Group):
    """Script 8: which products are compared besides those of the answers, and what is written."""

    sample: int = setting(
        0,
        N_(
            "held-out products that all four systems are asked about; 0: only the products that scripts 2, 4 and 7 "
            "answered"
        ),
        RUN,
        ge=0,
        short_flag="sample",
    )
    ask: Literal["page", "terminal"] | None = setting(
        None,
        N_("ask about titles of your own: on a page, which is what the flag alone means, or in the terminal"),
        RUN,
        short_flag="ask",
        bare="page",
    )
    ask_port: int = setting(7860, N_("port of that page on this computer"), RUN, ge=1024, le=65535)
    sample_file: Path = setting(
        Path("comparison_answers.jsonl"), N_("answers that the comparison had generated"), WRITTEN
    )
    html_file: Path = setting(Path("comparison.html"), N_("the comparison as a page"), WRITTEN)
    json_file: Path = setting(Path("comparison.json"), N_("the comparison for other programs"), WRITTEN)
    csv_file: Path = setting(Path("comparison.csv"), N_("the comparison as a table, one answer a line"), WRITTEN)
    md_file: Path = setting(Path("comparison.md"), N_("the comparison for a README"), WRITTEN)


class ProfileSource(PydanticBaseSettingsSource):
    """The values of the profile. The profile's name comes from a stronger source or is the default."""

    def get_field_value(self, field, field_name):  # asked for by the base class; all values come from __call__
        return None, field_name, False

    def __call__(self) -> dict:
        return PROFILES.get(self.current_state.get("profile", DEFAULT_PROFILE), {})


class SettingsFileSource(TomlConfigSettingsSource):
    """The values of `settings.toml`, also with the byte order mark that Windows' Notepad may write."""

    def _read_file(self, file_path: Path) -> dict:
        data = file_path.read_bytes()
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise ValueError(_("it is UTF-16, and has to be saved as UTF-8"))
        return tomllib.loads(data.decode("utf-8-sig"))


class Settings(BaseSettings):
    """All settings; `pipeline.command.command_line.read_settings` adds the values of the command line."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", toml_file=SETTINGS_FILE
    )

    profile: Literal[tuple(PROFILES)] = setting(DEFAULT_PROFILE, N_("set of defaults"), RUN)  # type: ignore[valid-type]
    products: list[str] = setting(
        ["Girls Ballet Tutu Neon Blue", "Mog's Kittens", "The Prophet", "The Book of Revelation"],
        N_("titles to ask about"),
        RUN,
        min_length=1,
    )
    check: bool = setting(False, N_("script 6: the index examines itself, instead of being asked"), RUN)
    work_dir: Path = setting(Path(), N_("folder of everything the scripts write"), RUN)
    cluster: str | None = setting(
        None,
        N_(
            "scripts 1, 5 and 8 on a Ray cluster: local (one that is started here), auto (the one that runs on this "
            "machine) or ray://HOST:10001"
        ),
        RUN,
        pattern=r"^(local|auto|ray://[^/\s]+:\d+)$",
    )
    language: Literal[LANGUAGES] | None = setting(  # type: ignore[valid-type]
        None, N_("language of the messages; default: the system's"), RUN
    )
    data: DataSettings = Field(default_factory=DataSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    lora: LoraSettings = Field(default_factory=LoraSettings)
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    generation: GenerationSettings = Field(default_factory=GenerationSettings)
    rag: RagSettings = Field(default_factory=RagSettings)
    answers: AnswerSettings = Field(default_factory=AnswerSettings)
    comparison: ComparisonSettings = Field(default_factory=ComparisonSettings)

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **_others):
        """The order of the module's docstring, strongest first."""
        return init_settings, env_settings, SettingsFileSource(settings_cls), ProfileSource(settings_cls)

    @model_validator(mode="after")
    def start_paths_from_work_dir(self) -> Settings:
        """What the scripts write lies in `work_dir`; what the user brings stays where it is."""
        for _name, group in self.groups():
            for name in group.with_role(WRITTEN) | group.with_role(REPLACED):
                setattr(group, name, self.work_dir / getattr(group, name))
        return self

    def groups(self) -> Iterator[tuple[str, Group]]:
        """The groups with their names."""
        return ((name, value) for name, value in self if isinstance(value, Group))
