"""A loss of JAX as a training step of PyTorch: its parameters are those of a module, its gradients come from JAX."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from netvet.capture.jax_events import Differentiation
from netvet.capture.jax_program import Program
from netvet.capture.jax_setup import CapturedLoss, Retracer, is_key
from netvet.core import NetvetError
from netvet.experiments.data import Batch
from netvet.experiments.jax_arrays import Array, array_of, tensor_of
from netvet.experiments.jax_roles import Dropped, LossRoles, dropped, required

# What a piece takes beside tensors: `fixed` arrays and `keys` by number, `rates` of dropout, and a `seed` for it.
Around = dict[str, Any]


class Piece:
    """A part of a loss, from some values of its program to another one, as a function of tensors.

    Args:
        arguments: numbers of the values that are given as tensors; `result`: of the one that is made.
    """

    def __init__(self, program: Program, arguments: Sequence[int], result: int, places: Sequence[Dropped]) -> None:
        self._program, self._result, self._places = program, result, places
        instead = {p.output: p.given for p in places}
        self._operations, self.needed = required(program, result, arguments, instead)
        self._chosen = [n for n, i in enumerate(arguments) if i in self.needed]
        self._arguments = [arguments[n] for n in self._chosen]
        self.random = any(p.output in self.needed for p in places)
        self._plain = jax.jit(self._value)
        self._with_graph = jax.jit(self._differentiated, static_argnums=0)

    def __deepcopy__(self, _memo: Any) -> Piece:
        return self

    def __call__(self, tensors: Sequence[torch.Tensor], around: Around) -> torch.Tensor:
        """The result, with a graph where a tensor needs a gradient."""
        tensors = [tensors[n] for n in self._chosen]
        if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
            found: torch.Tensor = _Call.apply(self, around, *tensors)  # type: ignore[no-untyped-call]
            return found
        return tensor_of(self._plain(self.arrays(tensors), around))

    def arrays(self, tensors: Sequence[torch.Tensor]) -> list[jax.Array]:
        """The tensors in the dtypes of the program."""
        dtypes = [self._program.avals[i].dtype for i in self._arguments]
        return [array_of(t, d) for t, d in zip(tensors, dtypes, strict=True)]

    def forward(self, moving: tuple[int, ...], tensors: Sequence[torch.Tensor], around: Around) -> tuple[Any, Any]:
        """The result, and what gives the gradients of the tensors in these places."""
        found: tuple[Any, Any] = self._with_graph(moving, self.arrays(tensors), around)
        return found

    def _value(self, arrays: list[Any], around: Around) -> Any:
        given = dict(zip(self._arguments, arrays, strict=True)) | around["fixed"] | around["keys"]
        makers = {p.output: functools.partial(_drop, p.given, i, around) for i, p in enumerate(self._places)}
        return self._program.continued(given, self._operations, makers)[self._result]

    def _differentiated(self, moving: tuple[int, ...], arrays: list[Any], around: Around) -> tuple[Any, Any]:
        def value(chosen: list[Any]) -> Any:
            mixed = list(arrays)
            for i, one in zip(moving, chosen, strict=True):
                mixed[i] = one
            return self._value(mixed, around)

        found: tuple[Any, Any] = jax.vjp(value, [arrays[i] for i in moving])
        return found


def _drop(given: int, number: int, around: Around, values: Mapping[int, Any]) -> Any:
    """Dropout at the rate that the trial has, rather than at the program's own."""
    x, rate = values[given], around["rates"][number]
    kept = jax.random.bernoulli(jax.random.fold_in(jax.random.key(around["seed"]), number), 1.0 - rate, x.shape)
    return jnp.where(kept, x / (1.0 - rate).astype(x.dtype), jnp.zeros_like(x))


@functools.cache
def _pull() -> Callable[[Any, Any], Any]:
    pull: Callable[[Any, Any], Any] = jax.jit(lambda back, gradient: back(gradient)[0])
    return pull


class _Call(torch.autograd.Function):
    """A piece within PyTorch's graph."""

    @staticmethod
    def forward(ctx: Any, piece: Piece, around: Around, *tensors: torch.Tensor) -> torch.Tensor:
        ctx.moving = tuple(i for i, t in enumerate(tensors) if t.requires_grad)
        found, ctx.back = piece.forward(ctx.moving, tensors, around)
        ctx.count, ctx.dtype = len(tensors), found.dtype
        return tensor_of(found)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        found = _pull()(ctx.back, array_of(gradients[0], ctx.dtype))
        result: list[torch.Tensor | None] = [None] * ctx.count
        for i, one in zip(ctx.moving, found, strict=True):
            result[i] = tensor_of(one)
        return (None, None, *result)


@dataclass(frozen=True)
class Form:
    """The loss for batches of one size, in pieces.

    Args:
        net: from parameters and inputs to the outputs; None where these are not known.
        rest: from parameters, outputs, inputs and targets to the loss.
    """

    net: Piece | None
    rest: Piece


class Loss:
    """The captured loss as a function of parameters and batches of any size that it takes."""

    def __init__(self, captured: CapturedLoss, roles: LossRoles) -> None:
        self.roles, self.found, self._steps = roles, captured.found, captured.steps
        self.parameters = self.found.program.arguments[: len(self.found.leaves)]
        self._retracer = Retracer(captured, roles.sized(self.found.program), roles.size)
        self._forms: dict[int, Form | None] = {}
        first = captured.steps[0].inputs
        self._fixed = {i: self._whole(i, first[i]) for i in roles.fixed}

    def __deepcopy__(self, _memo: Any) -> Loss:
        return self

    @property
    def random(self) -> bool:
        """Random keys enter the loss, beside those of dropout."""
        return any(i in self.needed for i in self.roles.keys)

    @property
    def needed(self) -> set[int]:
        """All values that the loss is made of, without those that only dropout takes."""
        form = self.form(self.roles.size)
        return set().union(*(p.needed for p in (form.net, form.rest) if p is not None))

    def form(self, samples: int) -> Form:
        """The loss for batches with so many samples.

        Raises:
            NetvetError: it takes no such batches.
        """
        if samples not in self._forms:
            found = self._recorded(samples) or self._retracer.traced(samples)
            self._forms[samples] = self._made(found) if found is not None else None
        form = self._forms[samples]
        if form is None:
            raise NetvetError(
                f"the loss takes batches of {self.roles.size} samples as it is compiled, and not of {samples}"
            )
        return form

    def _recorded(self, samples: int) -> Differentiation | None:
        return self.found if samples == self.roles.size else None

    def _made(self, found: Differentiation) -> Form:
        roles = self.roles if found is self.found else None
        program = found.program
        output = self.roles.output if roles is not None else _output_of(found)
        places = self.roles.dropped if roles is not None else tuple(dropped(program, self.parameters))
        if (self.roles.output is None) != (output is None) or len(places) != len(self.roles.dropped):
            raise NetvetError("the loss is another one for batches of another size")
        inputs, batch = self.roles.inputs, self.roles.batch
        if output is None:
            return Form(None, Piece(program, [*self.parameters, *batch], found.loss_id, places))
        net = Piece(program, [*self.parameters, *inputs], output, places)
        return Form(net, Piece(program, [*self.parameters, output, *batch], found.loss_id, places))

    def around(self, samples: int, rates: Sequence[float]) -> Around:
        """What goes along with a batch; random numbers are drawn only where something takes them."""
        program, form = self.found.program, self.form(samples)
        pieces = [p for p in (form.net, form.rest) if p is not None]
        wanted = [i for i in self.roles.keys if any(i in p.needed for p in pieces)]
        drops = any(rates) and any(p.random for p in pieces)
        seed = int(torch.randint(2**31, ())) if wanted or drops else 0
        numbers = np.random.default_rng(seed)
        keys = {}
        for i in wanted:
            shape = self._steps[0].inputs[i].shape
            sized = i in self.roles.sized(program)
            shape = (samples, *shape[1:]) if sized else shape
            keys[i] = self._whole(i, numbers.integers(0, 2**32, shape, dtype=np.uint32))
        kept = jnp.array(list(rates) or [0.0], dtype=jnp.float32)
        return {"fixed": self._fixed, "keys": keys, "rates": kept, "seed": np.uint32(seed)}

    def _whole(self, value: int, numbers: Array) -> Any:
        """An array as the program takes it: a key is made of its numbers again."""
        aval = self.found.program.avals[value]
        if is_key(aval.dtype):
            return jax.random.wrap_key_data(jnp.asarray(numbers), impl=self.found.options["impls"][value])
        return jnp.asarray(numbers, dtype=aval.dtype)


def _output_of(found: Differentiation) -> int | None:
    from netvet.experiments.jax_roles import main_loss

    one = main_loss(found)
    return one.given if one is not None else None


class JaxModel(nn.Module):
    """The parameters that a loss of JAX is differentiated by, under their own names, and the net that they are of.

    Calling it gives the outputs, where these are known.
    """

    def __init__(
        self, loss: Loss, arrays: Sequence[Array], frozen: frozenset[str] = frozenset(), *, batch_norm: bool = False
    ) -> None:
        super().__init__()
        self._loss = loss
        self._leaves = names_of(loss.found)
        for name, array in zip(self._leaves, arrays, strict=True):
            held = nn.Parameter(tensor_of(array), requires_grad=name not in frozen)
            _holder(self, name.split(".")[:-1])._parameters[name.split(".")[-1]] = held
        for place in loss.roles.dropped:
            self._modules[place.name] = nn.Dropout(place.rate)
        if batch_norm:  # never called: it says that outputs hang on the batch at hand, by design
            self._modules["batch norm"] = nn.BatchNorm1d(1, affine=False, track_running_stats=False)
        self._around: Around | None = None

    @property
    def leaves(self) -> list[torch.Tensor]:
        """The parameters in the order of the program."""
        named = dict(self.named_parameters(remove_duplicate=False))
        return [named[name] for name in self._leaves]

    @property
    def random(self) -> bool:
        """Something random is in its loss."""
        return self._loss.random or any(self.rates())

    def rates(self) -> list[float]:
        """Of each dropout."""
        places = [self._modules[place.name] for place in self._loss.roles.dropped]
        return [float(m.p) if m.training else 0.0 for m in places if isinstance(m, nn.Dropout)]

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The outputs for some samples."""
        net = self._loss.form(len(inputs[0])).net
        assert net is not None
        around = self._around or self._loss.around(len(inputs[0]), self.rates())
        return net([*self.leaves, *inputs], around)

    def step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss of a batch, and the outputs where they are known."""
        roles = self._loss.roles
        given = [batch[str(i)] for i in roles.batch]
        samples = len(given[0])
        self._around = around = self._loss.around(samples, self.rates())
        try:
            form = self._loss.form(samples)
            if form.net is None:
                return form.rest([*self.leaves, *given], around), None
            output = self(*given[: len(roles.inputs)])
            return form.rest([*self.leaves, output, *given], around), output
        finally:
            self._around = None


def names_of(found: Differentiation) -> list[str]:
    """The names of the parameters, each once."""
    names: list[str] = []
    for leaf in found.leaves:
        count = sum(n == leaf.name or n.startswith(f"{leaf.name}#") for n in names)
        names.append(leaf.name if not count else f"{leaf.name}#{count + 1}")
    return names


def _holder(module: nn.Module, path: Sequence[str]) -> nn.Module:
    for name in path:
        inner = module._modules.get(name)
        if inner is None:
            inner = module._modules[name] = nn.Module()
        module = inner
    return module
