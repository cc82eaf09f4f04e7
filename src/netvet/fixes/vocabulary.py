"""An embedding with a row for each id."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, called

# Special tokens that may have been forgotten. Of more ids, it is another vocabulary that is used.
MOST = 8


@fix(title="a row of the embedding for each id", mends=("token-out-of-range",))
def vocabulary(program: Program) -> Iterator[Editor]:
    """Give the embedding as many rows as the largest id needs, special tokens and padding included.

    ## What it changes
    The number of rows of the embedding, where it is made.

    ## Known problems
    The number is that of the ids that were seen: where others follow, count them all where the vocabulary is made.

    ## References
    The documentation of `torch.nn.Embedding`.
    """
    found = [r for r in program.facts("inputs") if r.get("embedding_rows") and r.get("max") is not None]
    found = [r for r in found if r["max"] >= r["embedding_rows"]]
    if not found:
        raise NotApplicable("no id is beyond the rows of an embedding")
    rows = {int(r["embedding_rows"]) for r in found}
    missing = max(int(r["max"]) + 1 - int(r["embedding_rows"]) for r in found)
    if len(rows) != 1 or missing > MOST:
        raise NotApplicable(f"{missing} rows are missing: the ids are of another vocabulary")
    file, _ = program.file(program.place)
    made = [c for c in file.nodes(cst.Call) if called(c) == "Embedding"]
    if len(made) != 1:
        raise NotApplicable(f"{len(made)} embeddings are made in the file that looks ids up")
    site = Site(file, made[0], {})
    given = argument(made[0], "num_embeddings", 0)
    code = site.code(given.value) if given is not None else ""
    editor = program.editor(f"{missing} more row{'s' * (missing > 1)} of the embedding")
    more = str(int(code) + missing) if code.isdigit() else f"{{}} + {missing}"
    set_argument(editor, site, "num_embeddings", more, 0)
    yield editor
