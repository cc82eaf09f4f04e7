"""Whether the devices of a `pmap` hold the same parameters. Records `replicas`."""

from __future__ import annotations

from typing import Any

import numpy as np

# Looks at which they differ; averages of parameters at every other step are seen before.
PATIENCE = 4


class Replicas:
    """Compares the parameters of several devices, look by look.

    Devices that begin with other parameters train nets of their own, and those that come to be equal again are averaged
    now and then: both are left alone.
    """

    def __init__(self) -> None:
        self._alike: bool | None = None
        self._apart = 0
        self.records: list[dict[str, Any]] = []

    def take(self, looks: list[Any]) -> None:
        """Take in the looks of one step, one for each device."""
        looks = [one for one in looks if hasattr(one, "parameters")]
        if len(looks) < 2 or self._alike is False:
            return
        first = [np.asarray(p) for p in looks[0].parameters]
        others = [[np.asarray(p) for p in one.parameters] for one in looks[1:]]
        names = [leaf.name for leaf in looks[0].of.leaves]
        differing = [
            name
            for i, name in enumerate(names)
            if any(not np.array_equal(first[i], other[i], equal_nan=True) for other in others)
        ]
        if self._alike is None or (self._apart and not differing):
            self._alike, self.records = not differing and not self._apart, []
            return
        self._apart += bool(differing)
        if self._apart == PATIENCE:
            site = looks[0].of.site
            self.records.append({
                "world_size": len(looks), "rank": 0, "wrapper": "pmap", "differing": differing, "first_step": 1,
                "file": site.file if site else None, "line": site.line if site else None,
            })  # fmt: skip
