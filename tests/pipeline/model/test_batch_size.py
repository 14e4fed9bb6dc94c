"""How many answers are generated at once."""

from __future__ import annotations

from types import SimpleNamespace

from pipeline.model.batch_size import ROWS_WITHOUT_CARD, free_memory, largest_batch

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


def test_processor_has_a_constant():
    model = llama_3_8b()
    assert largest_batch(model, 100, 128, free_memory(model)) == ROWS_WITHOUT_CARD


def test_batch_grows_with_memory_and_shrinks_with_length():
    """Keys and values of a Llama-3-8B take 2 x 32 layers x 8 heads x 128 numbers x 2 bytes = 131,072 bytes a token."""
    model = llama_3_8b()
    rows = largest_batch(model, 60, 128, 2 * GIB)
    assert 30 < rows < 2 * GIB / (188 * 131_072)
    assert largest_batch(model, 60, 128, 4 * GIB) in (2 * rows, 2 * rows + 1)
    assert largest_batch(model, 600, 128, 2 * GIB) < rows / 4
    assert largest_batch(model, 60, 1024, 2 * GIB) < rows / 4
    assert largest_batch(model, 8000, 128, GIB // 4) == 1
