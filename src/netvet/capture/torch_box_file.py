"""The files of the black box: one step in a safetensors file, its description as JSON in the header. No pickle."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netvet.core import NetvetError

# Raised when an older netvet could no longer read the file.
FORMAT = 1
FOLDER = "black_box"
_KEY = "netvet.black_box"
_STEP = "step"


@dataclass(frozen=True)
class Box:
    """One stored step.

    Args:
        about: its description, as `torch_black_box` wrote it.
        tensors: inputs, variables, weights and states of generators, by name, on the CPU.
    """

    path: Path
    about: dict[str, Any]
    tensors: dict[str, torch.Tensor]

    def load(self, name: str) -> torch.Tensor:
        """A stored tensor.

        Raises:
            NetvetError: the description names one that is not there.
        """
        if name not in self.tensors:
            raise NetvetError(f"{self.path} is damaged: no tensor {name!r} in it; make the run again")
        return self.tensors[name]


def write_box(path: Path, about: dict[str, Any], tensors: dict[str, torch.Tensor]) -> int:
    """Write a step at once or not at all; returns the bytes written.

    Raises:
        OSError: it cannot be written.
        ImportError: safetensors is not installed.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(exist_ok=True)
    plain, complex128 = {}, []
    for name, tensor in tensors.items():
        stored = tensor.detach().to("cpu")
        if stored.dtype == torch.complex128:  # the format has no such type
            complex128.append(name)
            stored = torch.view_as_real(stored.resolve_conj())
        # Its own memory: the format refuses tensors that share theirs, and a view would bring the whole data set.
        plain[name] = stored.clone(memory_format=torch.contiguous_format)
    text = json.dumps({"format": FORMAT, **about, "complex128": complex128}, allow_nan=False)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(plain, scratch, metadata={_KEY: text})
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
    return path.stat().st_size


def read_box(path: Path) -> Box:
    """Read a stored step.

    Raises:
        NetvetError: it is none, is damaged, or was written by a newer netvet.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise NetvetError("safetensors is not installed here; `pip install safetensors`") from None
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get(_KEY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise NetvetError(f"cannot read {path}: {error}") from error
    if not isinstance(about.get("format"), int):
        raise NetvetError(f"{path} is no step that netvet stored; give a run, or a file of its folder {FOLDER}/")
    if about["format"] > FORMAT:
        raise NetvetError(f"{path} was written by a newer netvet (format {about['format']}); update netvet")
    for name in about["complex128"]:
        tensors[name] = torch.view_as_complex(tensors[name])
    return Box(path, about, tensors)


def find_box(run: Path, step: int | None) -> Path | None:
    """The file of a step in the folder of a run; without a step, that of the first one that was written for a reason.

    Raises:
        NetvetError: there are some, but not of that step.
    """
    files = {int(f.stem.removeprefix(_STEP)): f for f in (run / FOLDER).glob(f"{_STEP}*.safetensors") if _numbered(f)}
    if step is not None:
        if files and step not in files:
            raise NetvetError(
                f"step {step} of {run.name} is not stored; stored are: {', '.join(map(str, sorted(files)))}"
            )
        return files.get(step)
    chosen = [n for n, f in sorted(files.items()) if read_about(f).get("reason") != "before"]
    return files[chosen[0]] if chosen else None


def box_path(run: Path, step: int) -> Path:
    """Where a step of a run is stored."""
    rank = int(os.environ.get("RANK", "0"))
    return run / FOLDER / (f"{_STEP}{step}.safetensors" if rank == 0 else f"rank{rank}-{_STEP}{step}.safetensors")


def read_about(path: Path) -> dict[str, Any]:
    """Only the description.

    Raises:
        NetvetError: it cannot be read.
    """
    return read_box(path).about


def _numbered(file: Path) -> bool:
    return file.stem.removeprefix(_STEP).isdigit()


def cuda_in_use() -> bool:
    """The program has begun to use a GPU."""
    return torch.cuda.is_available() and bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


RandomStates = tuple[torch.Tensor, list[torch.Tensor], Any, Any]


def random_states() -> RandomStates:
    """The states of the global generators of PyTorch, of its GPUs, of numpy and of Python, as those give them."""
    devices = torch.cuda.get_rng_state_all() if cuda_in_use() else []
    return torch.get_rng_state(), devices, np.random.get_state(legacy=True), random.getstate()


def as_tensors(states: RandomStates) -> dict[str, torch.Tensor]:
    """States of generators as a file keeps them."""
    made = {"rng.torch": states[0]} | {f"rng.cuda.{i}": s for i, s in enumerate(states[1])}
    name, keys, position, gauss, cached = states[2]
    if name == "MT19937":
        made["rng.numpy"] = torch.from_numpy(np.asarray(keys).astype(np.int64))
        made["rng.numpy.more"] = torch.tensor([position, gauss, cached], dtype=torch.float64)
    version, numbers, following = states[3]
    made["rng.python"] = torch.tensor([version, *numbers], dtype=torch.int64)
    made["rng.python.more"] = torch.tensor([] if following is None else [following], dtype=torch.float64)
    return made


def set_random_states(states: dict[str, torch.Tensor]) -> None:
    """Put the generators into stored states; those of devices that are not here are left out."""
    torch.set_rng_state(states["rng.torch"])
    for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        if f"rng.cuda.{i}" in states:
            torch.cuda.set_rng_state(states[f"rng.cuda.{i}"], i)
    if "rng.numpy" in states:
        position, gauss, cached = states["rng.numpy.more"].tolist()
        keys = states["rng.numpy"].numpy().astype(np.uint32)
        np.random.set_state(("MT19937", keys, int(position), int(gauss), cached))
    version, *numbers = states["rng.python"].tolist()
    following = states["rng.python.more"].tolist()
    random.setstate((version, tuple(numbers), following[0] if following else None))
