"""Every setting of every script, in one place.

Where a value comes from, the first that names it: the command line (`--training.max_steps 60`), the environment
(`DESCRIBE_TRAINING__MAX_STEPS=60`), `settings.toml` in the current folder, the profile (`--profile demo`), the default
below. The defaults are those of the first version of this pipeline, for a Llama-3-8B on an 8 GB card, but for the
packing of examples and for checkpoints every 100 steps (it had `packing` false and `save_steps` 1000).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from pipeline.runtime.messages import LANGUAGES, N_, _, set_language

try:
    from pydantic import BaseModel, ConfigDict, Field, model_validator
    from pydantic_settings import (
        BaseSettings,
        PydanticBaseSettingsSource,
        SettingsConfigDict,
        TomlConfigSettingsSource,
    )
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
NOT_WRITTEN = ("raw_file", "llama_cpp_dir")  # the paths of what is not made here

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
        "data": {"raw_file": PROJECT_DIR / "demo" / "trn.json.gz"},
        "model": {
            "name": str(PROJECT_DIR / "demo" / "foundation"),
            "lora_dir": "lora_model_demo",
            "merged_dir": "merged_model_demo",
            "gguf_dir": "gguf_model_demo",
            "max_seq_length": 2048,
            "dtype": "float32",
            "load_in_4bit": False,
            "backend": "transformers",
            "device_map": "cpu",
        },
        "training": {
            "max_examples": 640,
            "held_out_percent": 20,
            "num_train_epochs": 1,
            "per_device_train_batch_size": 4,
            "gradient_accumulation_steps": 1,
            "warmup_steps": 10,
            "learning_rate": 4e-3,
            "max_grad_norm": 1.0,
            "optim": "adamw_torch",
            "gradient_checkpointing": False,
            "logging_steps": 5,
            "save_steps": 40,
            "eval_examples": 16,
            "eval_steps": 40,
        },
        "generation": {"max_new_tokens": 256},
        # A model this small loses its place where several documents of one catalogue are alike, so it is given one.
        "rag": {"embedding_model": "sentence-transformers/all-MiniLM-L6-v2", "max_records": 1200, "top_k": 1},
        "comparison": {"sample": 36},
    },
}


class Group(BaseModel):
    """A group of settings: a misspelt name is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid")


class DataSettings(Group):
    """Script 1: the raw catalogue and what is made of it."""

    raw_file: Path = Field(Path("trn.json"), description=N_("raw catalogue: JSON lines or one JSON array, also .gz"))
    processed_file: Path = Field(Path("trn_processed.json"), description=N_("the clean catalogue"))
    rejected_file: Path = Field(Path("trn_rejected.jsonl"), description=N_("the records that could not be read"))
    min_content_chars: int = Field(100, ge=1, description=N_("records with a shorter raw content are dropped"))
    cleaning: Literal["readable", "original"] = Field(
        "readable",
        description=N_("readable: decode entities, drop tags, keep punctuation; original: drop all punctuation"),
    )
    num_proc: int = Field(0, ge=0, le=64, description=N_("processes that clean the records; 0: one for each core"))


class ModelSettings(Group):
    """Scripts 2, 3, 4 and 7: the language model and how it is loaded."""

    name: str = Field("unsloth/llama-3-8b-bnb-4bit", description=N_("foundation model: a hub name or a local folder"))
    revision: str | None = Field(None, description=N_("commit or tag of the model on the hub"))
    lora_dir: Path = Field(Path("lora_model_llama-3-8b-bnb-4bit"), description=N_("folder of the LoRA adapter"))
    max_seq_length: int = Field(8192, ge=16, description=N_("longest sequence, prompt and answer, in tokens"))
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description=N_("auto: bfloat16 where the card has it, else float16; float32 without a card")
    )
    load_in_4bit: bool = Field(True, description=N_("load the weights in 4 bits (needs an NVIDIA card)"))
    attn_implementation: Literal["auto", "flash_attention_2", "sdpa", "eager"] = Field(
        "auto", description=N_("attention of the transformers backend; Unsloth always picks the fastest one installed")
    )
    device_map: Literal["auto", "cuda", "cpu"] = Field("auto", description=N_("where the model runs; auto: the card"))
    backend: Literal["auto", "unsloth", "transformers"] = Field(
        "auto", description=N_("auto: unsloth on an NVIDIA card, transformers without one")
    )
    save_merged: bool = Field(False, description=N_("also save the adapter merged into the model, in 16 bits"))
    merged_dir: Path = Field(Path("merged_model_llama-3-8b-16bit"), description=N_("folder of the merged model"))
    save_gguf: Literal["q4_k_m", "q8_0", "f16"] | None = Field(
        None, description=N_("also save a GGUF file of this type for llama.cpp and Ollama")
    )
    gguf_dir: Path = Field(Path("gguf_model_llama-3-8b"), description=N_("folder of the GGUF file"))
    llama_cpp_dir: Path | None = Field(None, description=N_("folder of llama.cpp, which writes it; default: PATH"))
    push_to_hub: str | None = Field(None, description=N_("also upload the adapter to this repository, USER/NAME"))


class LoraSettings(Group):
    """Script 3: the shape of the adapter."""

    r: int = Field(32, ge=1, description=N_("rank of the adapter"))
    lora_alpha: int = Field(32, ge=1, description=N_("scale of the adapter: its output is multiplied by alpha / r"))
    lora_dropout: float = Field(0.0, ge=0, lt=1, description=N_("dropout before the adapter"))
    target_modules: list[str] = Field(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        min_length=1,
        description=N_("projections that get an adapter"),
    )


class TrainingSettings(Group):
    """Script 3: the names are those of TRL's SFTConfig, where it has them."""

    dataset_file: Path = Field(Path("trn_processed_dataset.json"), description=N_("the training examples"))
    max_examples: int = Field(5000, ge=0, description=N_("number of training examples; 0: all"))
    held_out_percent: int = Field(
        10, ge=0, le=90, description=N_("share of the products, by title, that is never trained on, in percent")
    )
    num_train_epochs: float = Field(2, gt=0, description=N_("passes over the examples"))
    max_steps: int = Field(-1, ge=-1, description=N_("stop after so many optimizer steps; -1 or 0: as the epochs say"))
    per_device_train_batch_size: int = Field(2, ge=1, description=N_("examples a step on each card"))
    gradient_accumulation_steps: int = Field(4, ge=1, description=N_("steps whose gradients are added up"))
    warmup_steps: int = Field(5, ge=0, description=N_("steps over which the learning rate rises"))
    learning_rate: float = Field(2e-4, gt=0, description=N_("learning rate"))
    weight_decay: float = Field(0.01, ge=0, description=N_("weight decay"))
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = Field(
        "linear", description=N_("course of the learning rate")
    )
    optim: Literal["adamw_8bit", "paged_adamw_8bit", "adamw_torch"] = Field("adamw_8bit", description=N_("optimizer"))
    max_grad_norm: float = Field(0.3, gt=0, description=N_("gradients are clipped to this norm"))
    gradient_checkpointing: bool = Field(True, description=N_("save memory by computing activations twice"))
    packing: bool = Field(
        True, description=N_("lay the examples of a step end to end, none seeing another; false: pad them")
    )
    memory_gb: float | None = Field(
        None, gt=0, description=N_("plan for a card of so many GB; default: what the card has free")
    )
    plan_only: bool = Field(False, description=N_("print the plan of the memory and stop"))
    dataset_num_proc: int = Field(1, ge=1, description=N_("processes that tokenize the examples"))
    logging_steps: int = Field(1, ge=1, description=N_("steps between two lines of figures"))
    save_steps: int = Field(100, ge=1, description=N_("steps between two checkpoints, of which the last two are kept"))
    eval_examples: int = Field(
        64, ge=0, description=N_("held-out products whose loss is followed, which are never trained on; 0: none")
    )
    eval_steps: int = Field(
        100, ge=1, description=N_("steps between two held-out losses; there is one at the start and at the end too")
    )
    early_stopping_patience: int = Field(
        0, ge=0, description=N_("stop after so many held-out losses without a new lowest, and keep that; 0: never")
    )
    report_to: Literal["none", "tensorboard", "trackio"] = Field(
        "none", description=N_("also show the figures there; the package has to be installed")
    )
    output_dir: Path = Field(Path("trainer_outputs"), description=N_("folder of the checkpoints"))
    resume: Literal["auto", "never"] = Field(
        "auto", description=N_("auto: an interrupted training goes on from its last checkpoint; never: it starts anew")
    )
    seed: int = Field(3407, ge=0, description=N_("seed of everything that is drawn in training"))


class GenerationSettings(Group):
    """Scripts 2, 3, 4 and 7: how an answer is generated."""

    max_new_tokens: int = Field(128, ge=1, description=N_("longest answer, in tokens"))
    temperature: float = Field(0.2, ge=0, le=2, description=N_("0: always the likeliest token; higher: more varied"))
    do_sample: bool = Field(True, description=N_("draw the next token by its probability"))
    repetition_penalty: float = Field(
        1.15, ge=1, le=2, description=N_("makes tokens that stand in the answer already less likely; 1: does not")
    )
    use_cache: bool = Field(True, description=N_("keep what was computed for earlier tokens"))
    seed: int = Field(3407, ge=0, description=N_("seed of the drawing: the same seed gives the same answers"))
    batch_size: int = Field(0, ge=0, description=N_("answers generated at once; 0: as many as fit into memory"))


class RagSettings(Group):
    """Scripts 5, 6 and 7: the index and the search in it."""

    embedding_model: str = Field(
        "sentence-transformers/all-mpnet-base-v2", description=N_("embedding model: a hub name or a local folder")
    )
    embedding_batch_size: int = Field(
        0, ge=0, description=N_("texts embedded at once; 0: 8 on a CPU, where more are slower, 128 on a card")
    )
    vectors_dir: Path = Field(
        Path("vectors"), description=N_("folder where vectors are kept, so that no text is embedded twice")
    )
    chroma_dir: Path = Field(Path("chroma_db"), description=N_("folder of the Chroma index"))
    server: str | None = Field(
        None,
        pattern=r"^https?://[^/]+/?$",
        description=N_("address of a running Chroma server, like http://127.0.0.1:8000, to use instead of the folder"),
    )
    collection: str = Field(
        "products",
        pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,61}[a-zA-Z0-9]$",
        description=N_("name of the collection in Chroma"),
    )
    max_records: int = Field(5000, ge=0, description=N_("number of products to index; 0: all"))
    method: Literal["dense", "keyword", "hybrid"] = Field(
        "hybrid",
        description=N_("dense: by meaning; keyword: by words and parts of words; hybrid: the same title, then both"),
    )
    reranker: str | None = Field(
        None, description=N_("cross-encoder that orders what was found: a hub name or a local folder; default: none")
    )
    top_k: int = Field(3, ge=1, le=100, description=N_("products to retrieve for a question"))


class AnswerSettings(Group):
    """Scripts 2, 4, 7 and 8: where the answers are kept for the comparison."""

    foundation_file: Path = Field(Path("answers_foundation.json"), description=N_("answers of the foundation model"))
    fine_tuned_file: Path = Field(Path("answers_fine_tuned.json"), description=N_("answers of the fine-tuned model"))
    rag_file: Path = Field(Path("answers_rag.json"), description=N_("answers with retrieval"))
    rag_fine_tuned_file: Path = Field(
        Path("answers_rag_fine_tuned.json"), description=N_("answers of the fine-tuned model with retrieval")
    )


class ComparisonSettings(Group):
    """Script 8: which products are compared besides those of the answers, and what is written."""

    sample: int = Field(
        0,
        ge=0,
        json_schema_extra={"short_flag": "sample"},
        description=N_("held-out products that all four systems are asked about; 0: only what the answers hold"),
    )
    sample_file: Path = Field(
        Path("comparison_answers.jsonl"), description=N_("answers that the comparison had generated")
    )
    html_file: Path = Field(Path("comparison.html"), description=N_("the comparison as a page"))
    json_file: Path = Field(Path("comparison.json"), description=N_("the comparison for other programs"))
    csv_file: Path = Field(Path("comparison.csv"), description=N_("the comparison as a table, one answer a line"))
    md_file: Path = Field(Path("comparison.md"), description=N_("the comparison for a README"))


class ProfileSource(PydanticBaseSettingsSource):
    """The values of the profile that a stronger source (or the default) names."""

    def get_field_value(self, field, field_name):  # asked for by the base class; all values come from __call__
        return None, field_name, False

    def __call__(self) -> dict:
        return PROFILES.get(self.current_state.get("profile", DEFAULT_PROFILE), {})


class Settings(BaseSettings):
    """All settings; `pipeline.command.command_line.read_settings` gives it the command line's."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", toml_file=SETTINGS_FILE
    )

    profile: Literal[tuple(PROFILES)] = Field(DEFAULT_PROFILE, description=N_("set of defaults"))  # type: ignore[valid-type]
    products: list[str] = Field(
        ["Girls Ballet Tutu Neon Blue", "Mog's Kittens", "The Prophet", "The Book of Revelation"],
        min_length=1,
        description=N_("titles to ask about"),
    )
    check: bool = Field(False, description=N_("script 6: the index examines itself, instead of being asked"))
    work_dir: Path = Field(Path(), description=N_("folder of everything the scripts write"))
    language: Literal[LANGUAGES] | None = Field(  # type: ignore[valid-type]
        None, description=N_("language of the messages; default: the system's")
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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls), ProfileSource(settings_cls)

    @model_validator(mode="after")
    def start_paths_from_work_dir(self) -> Settings:
        """What the scripts write lies in `work_dir`; what they find, `NOT_WRITTEN`, stays where it is."""
        for name in type(self).model_fields:
            group = getattr(self, name)
            if isinstance(group, Group):
                for field, value in group:
                    if isinstance(value, Path) and field not in NOT_WRITTEN:
                        setattr(group, field, self.work_dir / value)
        return self
