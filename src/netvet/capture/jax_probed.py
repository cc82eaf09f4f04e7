"""What `netvet.capture.jax.probe` tells, written down."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from netvet.capture.jax_events import Session
from netvet.capture.jax_names import path_name
from netvet.capture.jax_optimizers import norm


def told(session: Session, name: str | None, given: dict[str, Any]) -> None:
    """Take in what one probe was given."""
    if session.recorder.here and not session.ended:
        session.recorder.guard("probe", _write)(session, name, given)


def _write(session: Session, name: str | None, given: dict[str, Any]) -> None:
    recorder, heard = session.recorder, bool(session.options["training"].places)
    told: dict[str, int] = session.options.setdefault("told", {})
    if not heard and any(told.get(k) == session.step for k in given):  # the same again: the next step has begun
        session.step += 1
    step = session.step
    told.update(dict.fromkeys(given, step))
    if name is not None:
        recorder.value(step, "metric", float(np.asarray(given[name])), name)
    if heard:
        return
    if "loss" in given:
        recorder.value(step, "loss", float(np.asarray(given["loss"])), "probe")
    parts = {k: _named(given[k]) for k in ("grads", "params", "updates") if k in given}
    if "grads" in parts:
        recorder.value(step, "grad_norm", norm(list(parts["grads"].values())), "probe")
        recorder.values(step, "param_grad_norm", {n: norm([a]) for n, a in parts["grads"].items()})
    if "params" in parts:
        sizes = {n: norm([a]) for n, a in parts["params"].items()}
        recorder.values(step, "param_norm", sizes)
        moved = {n: norm([a]) / sizes[n] for n, a in parts.get("updates", {}).items() if sizes.get(n)}
        if moved:
            recorder.values(step, "update_ratio", moved)


def _named(tree: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path((tree,))
    return {path_name(path, sole=True): np.asarray(leaf) for path, leaf in leaves}
