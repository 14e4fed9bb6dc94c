"""Pre-train the tiny foundation model of demo/foundation from nothing: python demo/pretrain_foundation.py

Needs an NVIDIA card and a few minutes on a large one; lower `--rows` when its memory does not suffice. Text, tokenizer,
initial weights and the order of training follow from one seed. `--output` names the directory that is written.
"""

import argparse
import os
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo import corpus  # noqa: E402

SEED = 3407
CONTEXT = 2048
VOCABULARY = 4096
SHAPE = {"hidden_size": 320, "intermediate_size": 864, "num_hidden_layers": 8, "num_attention_heads": 5}
LEARNING_RATE = 2e-3
CHUNK = 2_000
# One digit, one word or one run of signs, each with the space before it: numbers are copied digit by digit.
PIECES = r" ?\p{N}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
BOS, EOS, PAD = "<s>", "</s>", "<pad>"


def main() -> None:
    options = _options()
    tokenizer = train_tokenizer()
    rows = pack(tokenizer, options.documents, first_seed=1)
    validation = {kind: pack(tokenizer, CHUNK // 2, first_seed=-1, kind=kind) for kind in corpus.SHARES}
    model = train(tokenizer, rows, options)
    report(model, validation)
    save(model, tokenizer, options.output)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent / "foundation")
    parser.add_argument("--documents", type=int, default=450_000, help="training documents to write")
    parser.add_argument("--steps", type=int, default=4_800)
    parser.add_argument("--rows", type=int, default=16, help=f"rows of {CONTEXT} tokens a step")
    parser.add_argument("--device", default="cuda")
    return parser.parse_args()


def train_tokenizer():
    """A byte-level BPE tokenizer of VOCABULARY tokens, digits one by one, that puts BOS first as Llama's does."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BOS, EOS, PAD],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus.tokenizer_texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def pack(tokenizer, count: int, first_seed: int, kind: str | None = None):
    """`count` documents as rows of CONTEXT token ids (int32, [rows, CONTEXT]), each document whole and closed by EOS.

    A token that is read but not learned (of a prompt, or padding) stands as its bitwise complement, which is negative.
    """
    import numpy

    seeds = range(first_seed, first_seed + max(1, count // CHUNK))
    size = min(CHUNK, count)
    if len(seeds) == 1:
        chunks = [_encoded_rows(tokenizer.backend_tokenizer.to_str(), seeds[0], size, kind)]
    else:
        with ProcessPoolExecutor() as pool:
            chunks = list(
                pool.map(_encoded_rows, repeat(tokenizer.backend_tokenizer.to_str()), seeds, repeat(size), repeat(kind))
            )
    return numpy.concatenate(chunks)


def _encoded_rows(tokenizer_json: str, seed: int, count: int, kind: str | None):
    import numpy
    from tokenizers import Tokenizer

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = Tokenizer.from_str(tokenizer_json)
    eos, pad = tokenizer.token_to_id(EOS), tokenizer.token_to_id(PAD)
    documents = corpus.documents(kind, count, seed) if kind else corpus.mixture(count, seed)
    # A document goes into the first open row with room for it; those too long for any row are left out.
    rows: list[list[int]] = []
    open_rows: list[list[int]] = []
    for (prompt, _), encoding in zip(documents, tokenizer.encode_batch(["".join(d) for d in documents]), strict=True):
        ids = [
            token if end > len(prompt) else ~token
            for token, (_, end) in zip(encoding.ids, encoding.offsets, strict=True)
        ]
        ids.append(eos)
        if len(ids) > CONTEXT:
            continue
        row = next((row for row in open_rows if len(row) + len(ids) <= CONTEXT), None)
        if row is None:
            row = []
            rows.append(row)
            open_rows.append(row)
        row += ids
        open_rows = [row for row in open_rows if len(row) < CONTEXT - 40][-16:]
    return numpy.array([row + [~pad] * (CONTEXT - len(row)) for row in rows], dtype=numpy.int32)


def train(tokenizer, rows, options: argparse.Namespace):
    """A LlamaForCausalLM trained on `rows` with AdamW in bfloat16 arithmetic, warm-up and cosine schedule."""
    import math

    import numpy
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(SEED)
    torch.set_float32_matmul_precision("high")
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=CONTEXT,
        num_key_value_heads=SHAPE["num_attention_heads"],
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="sdpa",
        **SHAPE,
    )
    model = LlamaForCausalLM(config).to(options.device).train()
    print(
        f"{model.num_parameters():,} parameters, {rows.size:,} tokens ({(rows >= 0).sum():,} learned) "
        f"in {len(rows):,} rows, {options.steps:,} steps of {options.rows * CONTEXT:,}",
        flush=True,
    )
    decayed = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=LEARNING_RATE,
        betas=(0.9, 0.95),
        fused=options.device == "cuda",
    )
    loss_of = torch.compile(_loss) if options.device == "cuda" else _loss
    data = torch.from_numpy(rows).to(options.device)
    order = numpy.random.default_rng(SEED)
    picks = numpy.concatenate(
        [order.permutation(len(rows)) for _ in range(options.steps * options.rows // len(rows) + 1)]
    )
    started = time.perf_counter()
    for step in range(options.steps):
        rate = min(1.0, (step + 1) / 200) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / options.steps)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        batch = data[picks[step * options.rows : (step + 1) * options.rows]].long()
        loss = loss_of(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 300 == 0 or step == options.steps - 1:
            print(f"step {step:5d}  loss {loss.item():.4f}  {time.perf_counter() - started:6.1f} s", flush=True)
    return model


def _loss(model, batch):
    """Mean cross entropy of the next token over the tokens to be learned. `batch`: rows of `pack`, int64."""
    import torch

    with torch.autocast(batch.device.type, torch.bfloat16):
        logits = model(input_ids=torch.where(batch < 0, ~batch, batch)[:, :-1], use_cache=False).logits
    targets = batch[:, 1:].flatten()
    return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.clamp(min=-1), ignore_index=-1)


def report(model, validation: dict) -> None:
    """Print the mean validation loss on documents of other seeds, of each kind and in the mixture's shares."""
    import torch

    model.eval()
    losses = {}
    for kind, rows in validation.items():
        batches = torch.from_numpy(rows).to(model.device).long().split(8)
        with torch.no_grad():
            losses[kind] = sum(_loss(model, batch).item() * len(batch) for batch in batches) / len(rows)
    total = sum(corpus.SHARES[kind] * loss for kind, loss in losses.items())
    print(
        "validation loss "
        + ", ".join(f"{kind} {loss:.4f}" for kind, loss in losses.items())
        + f", weighted {total:.4f}",
        flush=True,
    )


def save(model, tokenizer, output: Path) -> None:
    """Write weights (bfloat16 safetensors) and tokenizer beside `output`, then exchange; its README.md is kept."""
    import torch

    beside = output.with_name(output.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    model.config.dtype = torch.bfloat16
    model.to(torch.bfloat16).save_pretrained(beside)
    tokenizer.save_pretrained(beside)
    if (output / "README.md").exists():
        shutil.copy(output / "README.md", beside)
    shutil.rmtree(output, ignore_errors=True)
    os.replace(beside, output)


if __name__ == "__main__":
    main()
