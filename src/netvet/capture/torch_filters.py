"""How rough the filters of the first layer of an image model are, before and after training."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_events import Session, Step
from netvet.capture.torch_models import plain_name, unwrapped

# Smaller filters have too few frequencies to be called smooth or rough.
MIN_KERNEL = 5
MAX_FILTERS = 64
# Filters are padded to this size, so that small ones have their spectrum sampled finely.
PADDED = 32
MAX_MODELS = 20


def roughness(weight: torch.Tensor) -> float | None:
    """Share of the spectral energy of [filters, channels, height, width] above half of the highest frequency.

    0.72 for white noise, as that part is about three quarters of the plane; None for filters that are all zero.
    """
    spectrum = torch.fft.fft2(weight.double(), s=(PADDED, PADDED)).abs().square()
    frequency = torch.fft.fftfreq(PADDED, dtype=torch.float64).abs()
    high = torch.maximum(frequency[:, None], frequency[None, :]) > 0.25
    energy = spectrum.sum((1, 2, 3))
    used = energy > 0
    if not bool(used.any()) or not bool(torch.isfinite(energy).all()):
        return None
    return float(((spectrum * high).sum((1, 2, 3))[used] / energy[used]).mean())


class FilterCollector:
    """Records `first_layer_filters`."""

    part = "first-layer filters"
    sampled = True

    def __init__(self, session: Session) -> None:
        self._session = session
        self._looked: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()
        self._records: dict[str, dict[str, Any]] = {}
        self._layers: dict[str, weakref.ref[nn.Module]] = {}
        # The weights as they were last seen: the model may be gone when the run ends.
        self._weights: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def on_step_begin(self, _event: Step) -> None:
        if not self._session.deep:
            return
        for model in self._session.models.called():
            if model not in self._looked and len(self._records) < MAX_MODELS:
                self._looked[model] = ""
                self._first_look(model)

    def _first_look(self, model: nn.Module) -> None:
        for path, module in unwrapped(model).named_modules():
            if isinstance(module, nn.Conv2d):
                if min(module.kernel_size) >= MIN_KERNEL and not hasattr(module.weight, "to_local"):
                    name = self._session.models.prefix(model) + plain_name(path)
                    weight = module.weight.detach()
                    self._layers[name] = weakref.ref(module)
                    self._records[name] = {
                        "layer": name, "roughness": None, "roughness_init": roughness(weight[:MAX_FILTERS].cpu()),
                        "filters": weight.shape[0], "shape": list(weight.shape),
                    }  # fmt: skip
                return  # only the first convolution sees the image

    @torch.no_grad()
    def on_step_end(self, _event: Step) -> None:
        if self._session.deep:
            for name, layer in self._layers.items():
                module = layer()
                if isinstance(module, nn.Conv2d):
                    self._weights[name] = module.weight.detach()[:MAX_FILTERS].clone()

    def on_report(self, _: None) -> None:
        for name, weight in self._weights.items():
            self._records[name]["roughness"] = roughness(weight.cpu())
        if self._records:
            self._session.recorder.facts("first_layer_filters", list(self._records.values()))

    def on_finish(self, _ended: str) -> None:
        if not self._records:
            reason = f"no model begins with a convolution with filters of {MIN_KERNEL} x {MIN_KERNEL} or more"
            self._session.recorder.missing("first_layer_filters", reason)
