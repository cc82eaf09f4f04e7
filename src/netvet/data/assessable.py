"""Which checks can say something of a data audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netvet.core import Check, Facts, NetvetError
from netvet.data.faults import LOOKS
from netvet.diagnose import Settings
from netvet.store import AnyRun


def assessable(checks: Sequence[Check], settings: Settings, run: AnyRun) -> tuple[tuple[Check, ...], Settings]:
    """Of an audit, the checks that look at data and what was set for them; of a training, all.

    Raises:
        NetvetError: only others were asked for.
    """
    facts = run.get("run")
    if not isinstance(facts, Facts) or not any(record.get("audit") for record in facts):
        return tuple(checks), settings
    recorded = set(run.names())
    program = "environment" in recorded  # it has run too: whatever looks at its data may speak

    def looks(one: Check) -> bool:
        """All that it needs can be seen in data; of what it may take without needing it, some was.

        Of the net and its course nothing is said: the training was ended once its data had been seen.
        """
        taken = recorded & set(one.optional) if one.stage == "data" else set()
        of_data = set(LOOKS) & {*one.required, *taken}
        return set(one.required) <= {*LOOKS, *recorded} and bool(of_data or (program and one.stage == "data"))

    able = tuple(c for c in checks if looks(c))
    names = {c.name for c in able}
    only = tuple(name for name in settings.only if name in names)
    if settings.only and not only:
        raise NetvetError(f"--only {','.join(settings.only)}: looks at no data; expected {', '.join(sorted(names))}")
    return able, replace(
        settings, only=only, skip=tuple(name for name in settings.skip if name in names),
        allow={key: reason for key, reason in settings.allow.items() if key.partition(":")[0] in names},
        limits={name: limits for name, limits in settings.limits.items() if name in names},
    )  # fmt: skip
