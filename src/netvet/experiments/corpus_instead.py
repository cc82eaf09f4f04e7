"""A change that trains the program's own model, with plain layers at its ends, on images known to be learnable."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from netvet.capture.torch_probe_mixing import inputs_of, testable
from netvet.core import NetvetError
from netvet.experiments.calls import outermost_calls
from netvet.experiments.corpus import Corpus, corpus
from netvet.experiments.data import Batch
from netvet.experiments.problem import Learner
from netvet.experiments.stand_ins import adam
from netvet.experiments.trial import Build

# Ten classes cannot be told apart by linear scores of one number (or by those of two that a sigmoid squeezes).
NARROW = 3


class _OnImages:
    """A learner of images whose body is the program's own module, with plain layers at its ends."""

    def __init__(self, inner: Learner, batch: Batch, images: Corpus) -> None:
        inner.model.eval()
        with torch.no_grad():
            calls = outermost_calls(inner, batch)
        inner.model.train()
        if len(calls) != 1 or not isinstance(calls[0].output, torch.Tensor) or not testable(calls, calls[0]):
            raise NetvetError("the step does not make one call of a model that gives one tensor for a batch of samples")
        given, output = inputs_of(calls[0]), calls[0].output
        if len(given) != 1 or given[0].dim() < 2 or output.dim() == 0 or len(output) % len(given[0]):
            raise NetvetError("inputs and outputs of the model have no common axis of samples: images do not fit in")
        self._form = given[0]
        if output.numel() // len(given[0]) < NARROW:
            raise NetvetError("the outputs of the model are too few numbers to tell classes by")
        seen = images.images[: images.train]
        self._mean, self._std = float(seen.mean()), float(seen.std())
        self.ends = nn.ModuleDict({"last": nn.Linear(output.numel() // len(given[0]), images.classes)})
        if self._form.is_floating_point() and self._form.dim() == 2:
            self.ends["first"] = nn.Linear(seen[0].numel(), self._form.shape[1])
        self._ids = None if self._form.is_floating_point() else int(self._form.max())
        self._body = calls[0].module
        self.model: nn.Module = nn.ModuleList([inner.model, self.ends])

    def step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss and the scores of the classes."""
        images = batch["images"].to(self._form.device)
        output = self.ends["last"](self._body(self._fitted(images)).reshape(len(images), -1).float())
        return F.cross_entropy(output, batch["classes"].to(output.device)), output

    def _fitted(self, images: torch.Tensor) -> torch.Tensor:
        """Images [N, C, H, W] of 0 to 1 in the form of the program's own inputs."""
        form = self._form.shape[1:]
        image = (images - self._mean) / self._std
        if "first" in self.ends:
            found: torch.Tensor = self.ends["first"](image.flatten(1))
            return found.to(self._form.dtype)
        if self._ids is not None:
            line = F.interpolate(images.mean(1).flatten(1)[:, None], form.numel(), mode="nearest")
            return (line * self._ids).round().to(self._form.dtype).reshape(len(images), *form)
        grey = image.mean(1, keepdim=True)
        if len(form) == 2:
            return F.interpolate(grey, tuple(form), mode="bilinear")[:, 0].to(self._form.dtype)
        if len(form) == 3:
            own = image if image.shape[1] == form[0] else grey
            return F.interpolate(own, tuple(form[1:]), mode="bilinear").expand(-1, form[0], -1, -1)
        raise NetvetError(f"inputs of shape {list(form)} cannot be made of images")


def corpus_instead(build: Build, name: str) -> None:
    """Train the program's own model, with plain layers at its ends, on images of this name with Adam."""
    images = corpus(name)
    build.learner = _OnImages(build.learner, build.train.batches[0], images)
    build.batch_size = None
    build.problem = replace(build.problem, kind="classes")
    build.train, build.val = images.batches(build.problem.train.batch_size or 32)
    build.make_optimizer, build.rate, build.clip = adam, lambda step: 1.0, None
