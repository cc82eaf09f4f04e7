"""Names that a service takes."""

from __future__ import annotations

import re
from collections.abc import Iterable


def accepted(names: Iterable[str], refused: str, limit: int = 250) -> dict[str, str]:
    """Each name as the service takes it; names that become alike are numbered.

    Args:
        names: as they are here, all different.
        refused: regular expression of one character that the service does not take; it becomes `_`.
        limit: longest name, in characters.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        made = base = re.sub(refused, "_", name)[:limit]
        number = 1
        while made in taken:
            number += 1
            made = f"{base[: limit - len(str(number)) - 1]}_{number}"
        taken.add(made)
        found[name] = made
    return found
