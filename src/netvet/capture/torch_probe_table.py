"""The explicit table of probes: the signals that each gives, and the probe; the most telling first."""

from __future__ import annotations

from netvet.capture.torch_probe_clamps import clamped_errors
from netvet.capture.torch_probe_contract import loss_contract
from netvet.capture.torch_probe_direction import direction
from netvet.capture.torch_probe_future import future_leak
from netvet.capture.torch_probe_layers import depth_scale, symmetric_units
from netvet.capture.torch_probe_masks import mask_probe
from netvet.capture.torch_probe_mixing import batch_mixing
from netvet.capture.torch_probe_repeat import accumulation, eval_repeat, lr_probe, step_repeat
from netvet.capture.torch_probe_score import score_weights
from netvet.capture.torch_probe_start import final_bias, initial_loss
from netvet.capture.torch_probes import Probe
from netvet.capture.torch_terms import loss_terms
from netvet.capture.torch_trial import learn_step

PROBES: tuple[tuple[tuple[str, ...], Probe], ...] = (
    (("initial_loss",), initial_loss),
    (("loss_contract",), loss_contract),
    ((), direction),
    ((), clamped_errors),
    (("loss_terms",), loss_terms),
    (("batch_mixing", "batched_differs"), batch_mixing),
    (("future_leak",), future_leak),
    (("mask_probe",), mask_probe),
    (("symmetric_units",), symmetric_units),
    (("depth_scale",), depth_scale),
    (("final_bias",), final_bias),
    (("eval_repeat",), eval_repeat),
    (("step_repeat",), step_repeat),
    (("accumulation",), accumulation),
    (("score_weights",), score_weights),
    ((), learn_step),
    (("lr_probe",), lr_probe),
)
