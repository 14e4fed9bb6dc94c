"""How a language model is loaded: the number format."""

from __future__ import annotations

import pytest
import torch

from pipeline.command.command_line import read_settings
from pipeline.model.loading import resolve_dtype


@pytest.mark.parametrize(
    ("instructions", "dtype"),
    [
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx2": True, "avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"architecture": "aarch64"}, torch.float32),
    ],
)
def test_processor_with_16_bit_instructions_uses_them(instructions, dtype, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    assert resolve_dtype(read_settings("", ["--profile", "demo"])) == dtype
    assert resolve_dtype(read_settings("", ["--profile", "demo", "--model.dtype", "float32"])) == torch.float32
