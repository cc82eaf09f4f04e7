"""Errors that fall as a power law, and where they go."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from netvet.core import NetvetError

# Exponents of learning curves that were measured lie between 0.07 and 0.35 in the range of the power law, and are
# higher for small problems (Hestness et al. 2017); outside these bounds a fit follows noise.
EXPONENTS = (0.05, 2.0)


def power_law(
    sizes: Sequence[float], errors: Sequence[float], *, floor: float = -math.inf
) -> tuple[float, float, float]:
    """Fit `error = a + b * size ** -c` by least squares.

    Args:
        sizes: at least three, above zero; `errors`: finite, of the same length.
        floor: what no error can be below.

    Returns:
        a, b (at least zero: an error does not grow), and c.

    Raises:
        NetvetError: scipy is missing, or nothing can be fitted.
    """
    try:
        from scipy.optimize import curve_fit  # type: ignore[import-untyped]
    except ImportError as error:
        raise NetvetError("this experiment needs scipy: pip install 'netvet[recipe]'") from error
    x, y = np.asarray(sizes, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if len(x) < 3 or not np.isfinite(y).all() or not (x > 0).all():
        raise NetvetError("a curve needs at least three finite points")
    unit, spread = float(x.max()), max(float(np.ptp(y)), 1e-12)

    def law(n: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
        return np.asarray(a + b * (n / unit) ** -c)

    lowest = float(y.min())
    begin = (max(lowest - 0.1 * spread, floor if math.isfinite(floor) else -math.inf), 0.5 * spread, 0.5)
    # A limit far below everything that was seen is no limit: the fit would be a straight line.
    bounds = ([max(floor, lowest - 3 * spread) - 1e-9, 0.0, EXPONENTS[0]], [float(y.max()), 10 * spread, EXPONENTS[1]])
    try:
        (a, b, c), _ = curve_fit(law, x, y, p0=begin, bounds=bounds, max_nfev=5_000)
    except (RuntimeError, ValueError) as error:
        raise NetvetError(f"no power law can be fitted: {error}") from error
    return float(a), float(b * unit**c), float(c)


def at(law: tuple[float, float, float], size: float) -> float:
    """What a fitted law says of a size."""
    a, b, c = law
    return float(a + b * size**-c)
