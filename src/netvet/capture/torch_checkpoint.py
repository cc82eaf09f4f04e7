"""Keep the state of a training: weights as safetensors, written here in a few lines, optimizers by torch.save.

The format is an 8-byte little-endian length, a JSON header (name -> dtype, shape, offsets) and the raw bytes; see
https://github.com/huggingface/safetensors#format. It holds no code, so that loading it can run none.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

_DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
    torch.bool: "BOOL", torch.complex64: "C64", torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
}  # fmt: skip


def write_checkpoint(
    folder: Path, models: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]
) -> None:
    """Write `<model>.safetensors` and `<optimizer>.pt` into a folder.

    An optimizer's file holds tensors and plain values only: `torch.load(..., weights_only=True)` reads it.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in models.items():
        state = {key: value for key, value in model.state_dict().items() if isinstance(value, torch.Tensor)}
        write_safetensors(folder / f"{_safe(name)}.safetensors", state)
    for name, optimizer in optimizers.items():
        if optimizer.state:
            torch.save(optimizer.state_dict(), folder / f"{_safe(name)}.pt")


def write_safetensors(file: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors, one at a time on the CPU; those of a type that the format lacks are left out.

    Raises:
        OSError: the file cannot be written.
    """
    held = {name: tensor.detach() for name, tensor in tensors.items() if tensor.dtype in _DTYPES and not _odd(tensor)}
    header: dict[str, object] = {}
    offset = 0
    for name, tensor in held.items():
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the data begins at a multiple of eight
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for tensor in held.values():
            out.write(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


def _odd(tensor: torch.Tensor) -> bool:
    return tensor.layout != torch.strided or tensor.is_meta


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._#-]+", "-", name).strip(".-") or "model"
