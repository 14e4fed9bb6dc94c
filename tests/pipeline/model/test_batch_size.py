"""How many answers are generated at once."""

from __future__ import annotations

from types import SimpleNamespace

from pipeline.model.batch_size import free_memory, largest_batch

GIB = 1024**3


def llama_3_8b():
    """A Llama-3-8B that has shapes only, no weights."""
    import torch
    from transformers import LlamaConfig

    config = LlamaConfig(
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
    )
    return SimpleNamespace(config=config, dtype=torch.bfloat16, device=torch.device("cpu"))


def test_processor_takes_fewer_the_longer_they_are_and_always_one():
    model = llama_3_8b()
    rows = [largest_batch(model, length, 128, free_memory(model)) for length in (100, 500, 100_000)]
    assert rows == sorted(rows, reverse=True)
    assert rows[0] > rows[1] > rows[2] == 1


def test_batch_grows_with_memory_and_shrinks_with_length():
    """Keys and values of a Llama-3-8B take 2 x 32 layers x 8 heads x 128 numbers x 2 bytes = 131,072 bytes a token."""
    model = llama_3_8b()
    rows = largest_batch(model, 60, 128, 2 * GIB)
    assert 30 < rows < 2 * GIB / (188 * 131_072)
    assert largest_batch(model, 60, 128, 4 * GIB) in (2 * rows, 2 * rows + 1)
    assert largest_batch(model, 600, 128, 2 * GIB) < rows / 4
    assert largest_batch(model, 60, 1024, 2 * GIB) < rows / 4
    assert largest_batch(model, 8000, 128, GIB // 4) == 1
