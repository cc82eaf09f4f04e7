"""The optimizer of a Keras model. Records `optimizers`; the rate of each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netvet.capture.keras_backends import Backend
from netvet.capture.keras_layers import Names
from netvet.capture.keras_sites import Sites
from netvet.capture.site import Site
from netvet.capture.summaries import place

_CLASSES = {"Nadam": "NAdam", "RMSProp": "RMSprop"}
_SETTINGS = ("momentum", "nesterov", "amsgrad", "rho", "clipnorm", "clipvalue", "global_clipnorm")


def rate_of(optimizer: Any, values: Sequence[Any], backend: Backend) -> float | None:
    """The learning rate of the step to come. `values`: of the optimizer's variables, as they are now."""
    import keras

    inner = getattr(optimizer, "inner_optimizer", optimizer)  # within one that scales the loss
    variables = list(optimizer.variables)
    if len(values) != len(variables):
        return None
    pairs = list(zip(variables, values, strict=True)) if backend.name == "jax" else []
    with keras.StatelessScope(state_mapping=pairs, initialize_variables=False):
        rate = inner.learning_rate
        found = backend.array(getattr(rate, "value", rate)) if hasattr(rate, "shape") else float(rate)
    return float(found)


def optimizer_record(
    names: Names, optimizer: Any, sites: Sites, fit: Site | None, steps: int, rate: float | None
) -> dict[str, Any]:
    """One record of `optimizers`."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    name = type(inner).__name__
    held = [names.of_variable(v) for v in names.root.trainable_variables]
    group: dict[str, Any] = {"lr": rate, "parameters": len(held), "names": held[:200]}
    group |= {key: value for key in _SETTINGS if isinstance(value := getattr(inner, key, None), (int, float, bool))}
    if hasattr(inner, "beta_1"):
        group["betas"] = [float(inner.beta_1), float(inner.beta_2)]
    group["eps"] = float(inner.epsilon) if isinstance(getattr(inner, "epsilon", None), float) else None
    group["weight_decay"] = float(getattr(inner, "weight_decay", None) or 0.0)
    return {
        "name": name, "cls": _CLASSES.get(name, name), **place(sites.made.get(id(inner))), "steps": steps,
        "last_step": steps - 1, **place(fit, "step_"), "groups": [group], "parameters": held[:2000],
        "unknown_parameters": 0, "stale_parameters": 0, "backward_seen": True, "models": [names.model],
        "zero_grad_calls": steps,
    }  # fmt: skip
