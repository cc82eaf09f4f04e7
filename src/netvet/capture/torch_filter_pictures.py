"""Pictures of the weights of the first layer of an image model. Records `first_layer_pictures`."""

from __future__ import annotations

import weakref
from base64 import b64encode
from typing import Any

import numpy as np
import torch
from torch import nn

from netvet.capture.torch_batches import BatchTracker
from netvet.capture.torch_events import Call, Session, Step
from netvet.capture.torch_models import plain_name, unwrapped
from netvet.capture.torch_shown import as_pictures, read

MAX_FILTERS, MAX_MODELS = 64, 4
# Of all filters at one time; and they are no larger than this.
MAX_BYTES, MAX_SIDE = 16_384, 64
# The model may be gone when the run ends: its filters are copied, each time this much later.
GROWTH = 1.1
# Samples that tell whether vectors are flat pictures.
LOOKED = 64
# 128 is zero, 1 and 255 the weight of a filter that is farthest from it.
ZERO, REACH = 128, 127


class FilterPictureCollector:
    """Records `first_layer_pictures`."""

    part = "pictures of filters"
    sampled = True

    def __init__(self, session: Session) -> None:
        self._session = session
        self._looked: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._layers: dict[str, tuple[weakref.ref[Any], tuple[int, int, int]]] = {}
        self._records: dict[str, dict[str, Any]] = {}
        self._weights: dict[str, torch.Tensor] = {}
        self._next = 1

    @torch.no_grad()
    def on_call_end(self, event: Call) -> None:
        """The first layer is looked at when it has been called: what enters it is known then."""
        if event.model in self._looked or len(self._looked) >= MAX_MODELS or not self._session.deep:
            return
        self._looked.add(event.model)
        tracker: BatchTracker = self._session.options["batches"]
        batch = tracker.batch
        first = first_layer(unwrapped(event.model))
        if batch is None or not batch.inputs or batch.axis or first is None:
            return
        path, layer = first
        shape = picture_shape(layer, next(iter(batch.inputs.values())))
        if shape is not None:
            name = self._session.models.prefix(event.model) + plain_name(path)
            self._layers[name] = weakref.ref(layer), shape
            weight = filters(layer.weight, shape)
            channels, height, width = shape
            self._records[name] = {
                "layer": name, "kind": type(layer).__name__, "filters": layer.weight.shape[0],
                "height": height, "width": width, "channels": 3 if channels == 3 else 1, "of_channels": channels,
                **pictured(weight, "first"), "step": None,
            }  # fmt: skip

    def on_step_end(self, _event: Step) -> None:
        if self._session.step >= self._next:
            self._next = int(self._session.step * GROWTH) + 1
            self._keep()

    @torch.no_grad()
    def _keep(self) -> None:
        for name, (layer, shape) in self._layers.items():
            module = layer()
            if module is not None:
                self._weights[name] = filters(module.weight, shape).clone()
                self._records[name]["step"] = self._session.step

    def on_report(self, _: None) -> None:
        self._keep()
        for name, weight in self._weights.items():
            self._records[name] |= pictured(weight, "last")
        if self._records:
            self._session.recorder.facts("first_layer_pictures", list(self._records.values()))

    def on_finish(self, _ended: str) -> None:
        if not self._records:
            reason = "no model begins with a convolution, or with a linear layer whose inputs are pictures"
            self._session.recorder.missing("first_layer_pictures", reason)


def first_layer(model: nn.Module) -> tuple[str, nn.Conv2d | nn.Linear] | None:
    """The first module with weights, if its filters may be pictures; parts of one that takes ids are none."""
    for path, module in model.named_modules():
        if next(module.parameters(recurse=False), None) is None:
            continue
        usable = type(module) in (nn.Conv2d, nn.Linear) and not hasattr(module.weight, "to_local")
        return (path, module) if usable and isinstance(module, (nn.Conv2d, nn.Linear)) else None
    return None


def picture_shape(layer: nn.Conv2d | nn.Linear, x: torch.Tensor) -> tuple[int, int, int] | None:
    """Channels, height and width of a filter, for a first layer and what the model is given."""
    if isinstance(layer, nn.Conv2d):
        _, channels, height, width = layer.weight.shape
        return (channels, height, width) if 1 < max(height, width) <= MAX_SIDE else None
    if x.numel() == 0 or layer.in_features != x.numel() // x.shape[0]:
        return None
    if x.dim() == 4 and x.shape[1] in (1, 3) and max(x.shape[2:]) <= MAX_SIDE:
        return int(x.shape[1]), int(x.shape[2]), int(x.shape[3])
    found = as_pictures(read(x[:LOOKED])) if x.dim() in (2, 3) else None
    if found is None or max(found.pixels.shape[1:3]) > MAX_SIDE:
        return None
    return (1, found.pixels.shape[1], found.pixels.shape[2]) if found.pixels.shape[3] == 1 else None


def filters(weight: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """Evenly chosen filters [filters, channels, height, width]: all three channels, or the first."""
    channels = 3 if shape[0] == 3 else 1
    count = max(1, min(len(weight), MAX_FILTERS, MAX_BYTES // (channels * shape[1] * shape[2])))
    places = torch.linspace(0, len(weight) - 1, count).round().long()
    return weight.detach()[places.to(weight.device)].reshape(count, *shape)[:, :channels]


def pictured(weight: torch.Tensor, which: str) -> dict[str, Any]:
    """Filters as bytes, each scaled by its weight that is farthest from zero."""
    values = np.nan_to_num(weight.double().cpu().numpy())
    reach = np.abs(values).max(axis=(1, 2, 3))
    scaled = values / np.where(reach > 0, reach, 1)[:, None, None, None]
    made = np.moveaxis(np.round(ZERO + REACH * scaled), 1, -1).astype(np.uint8)
    texts = [b64encode(np.ascontiguousarray(one).tobytes()).decode("ascii") for one in made]
    return {which: texts, f"reach_{which}": [float(f"{r:.4g}") for r in reach]}
