"""Edits of programs of Keras 3, by the fixes that they make: `fix -> module of this package`.

Each is a function of the fix's name with dashes as underscores, `Program -> Iterator[Editor]`. Places come from the
signals of the run (`places.py`): where a model was compiled and fitted, where its layers and its optimizer were made.
"""

EDITS: dict[str, str] = {
    "lower-lr": "rates",
    "raise-lr": "rates",
}
