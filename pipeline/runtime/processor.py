"""What the processor can compute fast. It is looked up and not timed.

Else what other programs do at that moment would choose the number format, and the same command would not give the same
numbers twice.
"""

from __future__ import annotations

BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")  # by PyTorch's names; without them, bfloat16 is 20 times slower


def computes_in_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16, so that it is faster than float32."""
    import torch

    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in BFLOAT16_INSTRUCTIONS)
