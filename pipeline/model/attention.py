"""Attention on a processor, in models whose heads read their keys and values in groups (grouped-query attention)."""


def read_groups_in_place() -> None:
    """From here on, PyTorch reads the keys and values of a group where they are.

    transformers copies them for each head of the group, unless nothing is masked: only then has a card a fast kernel
    for groups. A processor has one in any case, and its results are the same. docs/benchmarks.md says what it saves.
    """
    from transformers.integrations import sdpa_attention

    sdpa_attention.use_gqa_in_sdpa = lambda _mask, key, value: key.shape[-1] == value.shape[-1]
