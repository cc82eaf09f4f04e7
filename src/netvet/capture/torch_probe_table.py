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

_LOSS = "no loss of a known kind was seen between a model's output and backward"
_FLOATS = "no model makes floating-point numbers out of a batch of samples"

# For each signal why there is nothing, where the probe could be run and found nothing; "": there is nothing wrong.
PROBES: tuple[tuple[dict[str, str], Probe], ...] = (
    ({"initial_loss": _LOSS}, initial_loss),
    ({"loss_contract": _LOSS}, loss_contract),
    ({}, direction),
    ({}, clamped_errors),
    # It does no more than to take a copy, for the end of the run.
    ({}, learn_step),
    ({"loss_terms": "the loss could not be taken apart into its terms"}, loss_terms),
    ({"batch_mixing": _FLOATS, "batched_differs": _FLOATS}, batch_mixing),
    ({"future_leak": "no model predicts step by step along an axis of time of its input"}, future_leak),
    ({"mask_probe": "no model is given padded sequences"}, mask_probe),
    ({"symmetric_units": ""}, symmetric_units),
    ({"depth_scale": "no model has two layers with weights in a row"}, depth_scale),
    ({"final_bias": "no last layer with a bias feeds a loss of a known kind"}, final_bias),
    ({"eval_repeat": _FLOATS}, eval_repeat),
    ({"step_repeat": "the model has a random generator of its own, or no finite gradients"}, step_repeat),
    ({"accumulation": "the script takes a step after each backward pass"}, accumulation),
    ({"score_weights": "no log-probabilities of actions enter the loss"}, score_weights),
    ({"lr_probe": "the first steps could not be repeated with the script's own optimizer"}, lr_probe),
)
