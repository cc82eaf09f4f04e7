"""Tell netvet of numbers inside a compiled step: `probe("entropy", value)`, `probe(loss=loss, grads=grads)`.

Without a run, when the step is traced, a probe leaves nothing behind.
"""

from __future__ import annotations

import functools
from typing import Any

from netvet.core import NetvetError


def probe(
    name: str | None = None,
    value: Any = None,
    *,
    loss: Any = None,
    grads: Any = None,
    params: Any = None,
    updates: Any = None,
) -> None:
    """Tell of numbers of one training step, from inside or outside of compiled functions.

    They leave the step by `jax.debug.callback`, so that nothing of what it computes is changed. What netvet hears by
    itself (losses that are differentiated in this run) is not told twice.

    Args:
        name: of a number of the user's own (signal `metric`), with `value`, a scalar.
        loss: scalar; `grads`, `params`, `updates`: pytrees of arrays, as the optimizer has them.

    Raises:
        NetvetError: a name without a value, or nothing at all is given.
    """
    from netvet.capture.live import active

    given = {"loss": loss, "grads": grads, "params": params, "updates": updates, name: value}
    given = {k: v for k, v in given.items() if k is not None and v is not None}
    if not given or (name is not None and value is None):
        raise NetvetError(
            'probe(): expected probe("name", value) or probe(loss=..., grads=..., params=..., updates=...)'
        )
    live = active()
    session = getattr(getattr(live, "capture", None), "session", None)
    if live is None or session is None or not hasattr(session, "tracing") or session.tracing is not None:
        return
    from netvet.capture.jax_probed import told

    if name in ("loss", "grads", "params", "updates") and name is not None:
        name = None
    session.originals["debug_callback"](functools.partial(told, session, name), given)
