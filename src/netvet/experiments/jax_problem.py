"""The problem of a program of JAX: the loss that it differentiates, on copies of its initial parameters."""

from __future__ import annotations

import torch

from netvet.capture.jax_modes import active_modes
from netvet.capture.jax_setup import CapturedLoss, Step, source_of
from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data, Roles
from netvet.experiments.drawable import drawable
from netvet.experiments.held_out import train_and_val
from netvet.experiments.jax_arrays import tensor_of
from netvet.experiments.jax_optimizers import Taken, optimizer_of, safe_start
from netvet.experiments.jax_roles import LossRoles, main_loss, roles_of
from netvet.experiments.jax_step import JaxModel, Loss, names_of
from netvet.experiments.problem import ModelAndStep, Problem, redrawn
from netvet.experiments.task import kind_of
from netvet.experiments.trial import is_memory

# The loss of a copy may differ from the recorded one by rounding: its operations are compiled otherwise.
CLOSE = 1e-2
# What cannot be asked of a copy, and why.
_FUNCTIONS = "the layers of a program of JAX are functions within its loss, which trials cannot exchange"
UNASSESSED = {
    "final-bias": _FUNCTIONS,
    "activation-trial": _FUNCTIONS,
    "depth-trial": _FUNCTIONS,
    "pretrained": "whether a program of JAX loads a checkpoint is not heard",
}


def problem_of_loss(captured: CapturedLoss, script: str) -> Problem:
    """Make the problem of a captured loss.

    Raises:
        NetvetError: the loss cannot be taken on a copy.
    """
    found = captured.found
    _require_numbers(captured)
    loss = Loss(captured, roles_of(found, captured.steps))
    roles = loss.roles
    draws, norm = active_modes(found.program, loss.parameters)
    notes = _notes(captured, loss, draws=draws, norm=norm)

    def learner(seed: int) -> ModelAndStep:
        model = JaxModel(loss, captured.steps[0].parameters, captured.frozen, batch_norm=norm)
        redrawn(model, seed)
        return ModelAndStep(model, lambda _, batch: model.step(batch))

    data_roles = Roles(*(tuple(map(str, some)) for some in (roles.inputs, roles.targets)))
    batches = tuple(_batch(roles, step) for step in captured.steps if _belongs(roles, step, captured.steps[0]))
    with forked_rng(), torch.enable_grad():
        output = _require_loss(captured, learner(0), batches[0])
        taken = _optimizer(captured, learner(0), batches[0])
        train = drawable(Data(batches, data_roles), learner(0)).distinct()
        held_out = _held_out(captured, roles, batches[0])
        why = "no batch of an evaluation fits the loss" if captured.evaluations else "no evaluation was heard"
        train, val = train_and_val(train, () if train.fixed_size else held_out, why, notes)
    target = next((batches[0][n] for n in data_roles.targets), None)
    return Problem(
        learner=learner, train=train, val=val, optimizer=taken.make, kind=kind_of(output, target), origin=script,
        notes=(*notes, *taken.notes), clip=taken.clip, rates=taken.rates,
        details={"validated": bool(held_out), "unassessed": UNASSESSED},
    )  # fmt: skip


def _require_numbers(captured: CapturedLoss) -> None:
    for leaf in captured.found.leaves:
        if not leaf.dtype.startswith(("float", "bfloat")):
            raise NetvetError(
                f"the loss is differentiated by {leaf.name}, which is {leaf.dtype}; expected real numbers"
            )


def _notes(captured: CapturedLoss, loss: Loss, *, draws: bool, norm: bool) -> list[str]:
    program, notes = captured.found.program, list[str]()
    if norm:
        notes.append("its batch norm takes the statistics of each batch in trials, also where they are scored")
    if draws and not loss.roles.dropped:
        notes.append("its dropout is drawn in trials also where they are scored, since it could not be switched off")
    carried = [i for i in loss.roles.moving if i in loss.needed and program.is_float(i)]
    if carried:
        shapes = ", ".join("x".join(map(str, program.shape(i))) or "a number" for i in carried)
        notes.append(f"what it carries from step to step beside its parameters ({shapes}) stays as at the first step")
    if captured.frozen:
        notes.append(f"{len(captured.frozen)} parameters that the program never changed stay as they are")
    return notes


def _batch(roles: LossRoles, step: Step) -> Batch:
    return {str(i): tensor_of(step.inputs[i]) for i in roles.batch}


def _belongs(roles: LossRoles, step: Step, first: Step) -> bool:
    """A step takes the same arrays as the first, of one number of samples."""
    if step.inputs.keys() != first.inputs.keys():
        return False
    forms = {(i, step.inputs[i].shape[1:], step.inputs[i].dtype) for i in roles.batch}
    wanted = {(i, first.inputs[i].shape[1:], first.inputs[i].dtype) for i in roles.batch}
    return forms == wanted and len({len(step.inputs[i]) for i in roles.batch}) == 1


def _require_loss(captured: CapturedLoss, learner: ModelAndStep, batch: Batch) -> torch.Tensor | None:
    """A copy gives the loss that was recorded, as far as nothing random is in it; gives the outputs.

    Raises:
        NetvetError: it gives another one.
    """
    model, wanted = learner.model, captured.steps[0].loss
    assert isinstance(model, JaxModel)
    loss, output = learner.step(batch)
    given = float(loss.detach())
    if not model.random and abs(given - wanted) > CLOSE * max(1.0, abs(wanted)):
        raise NetvetError(f"its loss on a copy is {given:.4g}, where the program's own was {wanted:.4g}")
    return output


def _optimizer(captured: CapturedLoss, learner: ModelAndStep, batch: Batch) -> Taken:
    """The program's own optimizer, tried on a copy; else a safe start."""
    taken = optimizer_of(captured, names_of(captured.found))
    try:
        optimizer = taken.make(learner.model)
        learner.step(batch)[0].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    except Exception as error:  # whatever an optimizer wants that is more than gradients
        if is_memory(error):
            raise
        return safe_start(f"its optimizer cannot be made for a copy ({type(error).__name__})")
    return taken


def _held_out(captured: CapturedLoss, roles: LossRoles, first: Batch) -> tuple[Batch, ...]:
    """Batches of evaluations, where what enters the net and the loss is what the program was given."""
    found = captured.found
    program, main = found.program, main_loss(found)
    entering = [source_of(program, i) for i in found.options.get("inputs", ())]
    target = source_of(program, main.target) if main is not None and main.target is not None else None
    if sorted(entering) != sorted(roles.inputs) or set(roles.targets) - {target}:
        return ()
    made = []
    for one in captured.evaluations:
        if len(one.inputs) != len(entering):
            continue
        arrays = dict(zip(entering, one.inputs, strict=True))
        if roles.targets and one.target is not None and target is not None:
            arrays[target] = one.target
        batch = {str(i): tensor_of(a) for i, a in arrays.items()}
        if batch.keys() == first.keys() and _fits(batch, first):
            made.append({n: t.to(first[n].dtype) for n, t in batch.items()})
    return tuple(made)


def _fits(batch: Batch, first: Batch) -> bool:
    forms = all(t.shape[1:] == first[n].shape[1:] and t.dim() == first[n].dim() for n, t in batch.items())
    return forms and len({len(t) for t in batch.values()}) == 1
