"""Taps on what differentiates a loss: `jax.value_and_grad`, `jax.grad` and all that is built on them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

from netvet.capture.jax_events import Differentiation, Leaf, Look, Session
from netvet.capture.jax_finite import flags
from netvet.capture.jax_names import model_name, path_name
from netvet.capture.jax_program import is_value, program_of
from netvet.capture.jax_taken import choose_taps, reduced
from netvet.capture.patches import Patches
from netvet.capture.site import user_site


def tap_gradients(session: Session, patches: Patches) -> None:
    """Hear of losses that are differentiated."""
    session.originals |= {"value_and_grad": jax.value_and_grad, "grad": jax.grad}
    patches.wrap(jax, "value_and_grad", lambda plain: _making(session, plain, with_value=True))
    patches.wrap(jax, "grad", lambda plain: _making(session, plain, with_value=False))


def _making(session: Session, plain: Callable[..., Any], *, with_value: bool) -> Callable[..., Any]:
    def make(fun: Any, argnums: Any = 0, has_aux: bool = False, **settings: Any) -> Callable[..., Any]:
        own = plain(fun, argnums, has_aux, **settings)

        @functools.wraps(own)
        def call(*args: Any, **kwargs: Any) -> Any:
            tracing = session.tracing
            if session.busy or tracing is None:
                calls = session.options.get("eager")
                if session.busy or calls is None or not session.listening:
                    return own(*args, **kwargs)
                return calls.differentiate(call, own, args, kwargs, with_value=with_value)
            if tracing.inside:
                return own(*args, **kwargs)
            loss = _Loss(session, fun, argnums, has_aux, settings)
            value, gradients = loss.differentiate(args, kwargs)
            if with_value:
                return value, gradients
            return (gradients, value[1]) if has_aux else gradients

        return call

    return make


class _Loss:
    """A loss that is differentiated within a repetition."""

    def __init__(self, session: Session, fun: Any, argnums: Any, has_aux: bool, settings: dict[str, Any]) -> None:
        self._session, self._fun, self._has_aux, self._settings = session, fun, has_aux, settings
        self._sole = not isinstance(argnums, (tuple, list))
        self._argnums = (argnums,) if self._sole else tuple(argnums)

    def differentiate(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """What `value_and_grad` gives, and the same for netvet."""
        session, tracing = self._session, self._session.tracing
        assert tracing is not None
        argnums = [n % len(args) for n in self._argnums]
        wanted, tree = jax.tree_util.tree_flatten_with_path(tuple(args[n] for n in argnums))
        parameters = [leaf for _, leaf in wanted]
        others, other_tree = jax.tree.flatten(([a for i, a in enumerate(args) if i not in argnums], kwargs))
        dynamic = [i for i, leaf in enumerate(others) if is_value(leaf)]
        box: dict[str, Any] = {}

        def pure(leaves: list[Any], values: list[Any]) -> tuple[Any, list[Any]]:
            now = list(others)
            for i, value in zip(dynamic, values, strict=True):
                now[i] = value
            rest, keywords = jax.tree.unflatten(other_tree, now)
            chosen = dict(zip(argnums, jax.tree.unflatten(tree, leaves), strict=True))
            left = iter(rest)
            given = [chosen[i] if i in chosen else next(left) for i in range(len(args))]
            out = self._fun(*given, **keywords)
            loss, aux = out if self._has_aux else (out, None)
            found, box["tree"] = jax.tree.flatten(aux)
            box["static"] = {i: leaf for i, leaf in enumerate(found) if not is_value(leaf)}
            return loss, [leaf for leaf in found if is_value(leaf)]

        tracing.inside += 1
        first_module = len(tracing.modules)
        try:
            closed = jax.make_jaxpr(pure)(parameters, [others[i] for i in dynamic])
        finally:
            tracing.inside -= 1
        names = [path_name(path, self._sole) for path, _ in wanted]
        found = self._describe(closed, names, parameters, args)
        found.modules = tracing.modules[first_module:]
        session.recorder.guard("losses and inputs", choose_taps)(found, session)
        _note_inputs(found, [*parameters, *(others[i] for i in dynamic)])
        found.options |= {"ids": [id(p) for p in parameters], "pure": pure}
        tracing.differentiations.append(found)
        if "retraced" in session.options:
            session.options["retraced"](found, [others[i] for i in dynamic])
        return self._run(found, box, tree, parameters, [others[i] for i in dynamic])

    def _describe(self, closed: Any, names: list[str], parameters: list[Any], args: Any) -> Differentiation:
        leaves = [
            Leaf(n, tuple(getattr(p, "shape", ())), str(getattr(p, "dtype", "float32")))
            for n, p in zip(names, parameters, strict=True)
        ]
        program = program_of(closed)
        found = Differentiation(user_site(4), getattr(self._fun, "__name__", "loss"), program, leaves)
        found.model = model_name(args, self._fun)
        found.loss_id = program.results[0]
        return found

    def _run(
        self, found: Differentiation, box: dict[str, Any], tree: Any, parameters: list[Any], values: list[Any]
    ) -> tuple[Any, Any]:
        """Evaluate the program with its gradient, and hand out the taps."""
        session, program, taps = self._session, found.program, list(found.taps.items())

        def again(leaves: list[Any]) -> tuple[Any, Any]:
            all_values = program.evaluate([*leaves, *values])
            results = [all_values[i] for i in program.results]
            return results[0], (
                results[1:],
                {name: reduced(name, all_values[i]) for name, i in taps},
                flags(program, all_values),
            )

        plain = session.originals["value_and_grad"]
        (loss, (aux, tapped, finite)), gradients = plain(again, has_aux=True, **self._settings)(parameters)
        session.emit(
            functools.partial(_look, found),
            {"loss": loss, "parameters": parameters, "gradients": gradients, "taps": tapped, "flags": finite}
            | {"inputs": session.options["setup"].given(found, values) if "setup" in session.options else {}},
        )
        left, static = iter(aux), box["static"]
        leaves = [static[i] if i in static else next(left) for i in range(len(static) + len(aux))]
        value = (loss, jax.tree.unflatten(box["tree"], leaves)) if self._has_aux else loss
        grown = jax.tree.unflatten(tree, gradients)
        return value, grown[0] if self._sole else grown


def described(
    session: Session, before: Differentiation, pure: Callable[..., Any], leaves: list[Any], values: list[Any]
) -> Differentiation:
    """A loss that was differentiated before, traced anew for arguments of other forms; within a repetition."""
    tracing = session.tracing
    assert tracing is not None
    tracing.inside += 1
    try:
        program = program_of(jax.make_jaxpr(pure)(leaves, values))
    finally:
        tracing.inside -= 1
    found = Differentiation(before.site, before.function, program, before.leaves, model=before.model)
    found.loss_id = program.results[0]
    choose_taps(found, session)
    return found


def _note_inputs(found: Differentiation, arguments: list[Any]) -> None:
    """Which objects the inputs of the net are, to find them among the arguments of the outer call."""
    given = dict(zip(found.program.arguments, arguments, strict=True)) | found.program.known
    found.options["input_ids"] = [id(given[i]) if i in given else 0 for i in found.options.get("inputs", [])]


def _look(found: Differentiation, given: dict[str, Any]) -> Look:
    return Look(
        found, given["loss"], given["parameters"], given["gradients"], given["taps"], given["flags"], given["inputs"]
    )
