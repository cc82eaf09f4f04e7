"""The files of a program as syntax trees: finding what stands on a line, changing it, and the change as a diff."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, ParentNodeProvider, PositionProvider

from netvet.core import NetvetError

N = TypeVar("N", bound=cst.CSTNode)
Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
_COMPOUND: tuple[type[cst.BaseCompoundStatement], ...] = (
    cst.For, cst.While, cst.If, cst.With, cst.Try, cst.FunctionDef, cst.ClassDef,
)  # fmt: skip
Change = Callable[[cst.CSTNode], "cst.CSTNode | cst.RemovalSentinel"]


class NotApplicable(NetvetError):
    """A fix cannot be made in this program; the text says why."""


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


class SourceFile:
    """One file.

    Raises:
        NotApplicable: it cannot be read, or is no Python.
    """

    def __init__(self, path: str, text: str | None = None) -> None:
        self.path = path
        try:
            self.text = Path(path).read_bytes().decode() if text is None else text
            parsed = cst.parse_module(self.text)
        except (OSError, UnicodeDecodeError, cst.ParserSyntaxError) as error:
            raise NotApplicable(f"{path} cannot be read as Python: {type(error).__name__}") from error
        self._wrapper = MetadataWrapper(parsed, unsafe_skip_copy=True)

    @property
    def module(self) -> cst.Module:
        """The tree; nodes are told apart by identity."""
        return self._wrapper.module

    @cached_property
    def _ranges(self) -> Mapping[cst.CSTNode, CodeRange]:
        return self._wrapper.resolve(PositionProvider)

    @cached_property
    def _parents(self) -> Mapping[cst.CSTNode, cst.CSTNode]:
        return cast("Mapping[cst.CSTNode, cst.CSTNode]", self._wrapper.resolve(ParentNodeProvider))

    def code(self, node: cst.CSTNode) -> str:
        """As it is written."""
        return self.module.code_for_node(node)

    def line(self, node: cst.CSTNode) -> int:
        """Where it begins."""
        return self._ranges[node].start.line

    def lines(self, node: cst.CSTNode) -> tuple[int, int]:
        """Its first and its last."""
        return self._ranges[node].start.line, self._ranges[node].end.line

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """What it is part of."""
        return self._parents.get(node)

    def around(self, node: cst.CSTNode, *kinds: type[N]) -> Iterator[N]:
        """What it is part of, of these kinds, innermost first."""
        above = self.parent(node)
        while above is not None:
            if isinstance(above, kinds):
                yield above
            above = self.parent(above)

    def nodes(self, kind: type[N]) -> list[N]:
        """All of this kind, in the order of their lines."""
        found = [(r.start.line, r.start.column, n) for n, r in self._ranges.items() if isinstance(n, kind)]
        return [n for _, _, n in sorted(found, key=lambda one: one[:2])]

    def at(self, line: int, kind: type[N]) -> list[N]:
        """Those that cover a line, innermost first; of several beside each other, the first."""
        found = []
        for node, span in self._ranges.items():
            if isinstance(node, kind) and span.start.line <= line <= span.end.line:
                size = (span.end.line - span.start.line, span.end.column - span.start.column)
                found.append((span.end.line - span.start.line, span.start.column, size, node))
        return [one[-1] for one in sorted(found, key=lambda one: (one[2], one[1]))]

    def statement(self, line: int) -> Statement:
        """The innermost whole statement that covers a line.

        Raises:
            NotApplicable: there is none.
        """
        lines: list[Statement] = [*self.at(line, cst.SimpleStatementLine)]
        compound: list[Statement] = [n for kind in _COMPOUND for n in self.at(line, kind)]
        compound.sort(key=lambda n: -self.line(n))
        found = lines or [n for n in compound if self.line(n) == line] or compound
        if not found:
            raise NotApplicable(f"no statement stands at {Path(self.path).name}:{line}")
        return found[0]

    def statement_of(self, node: cst.CSTNode) -> Statement:
        """The innermost whole statement that a node is in, or the node itself.

        Raises:
            NotApplicable: it stands behind a colon, on the line of an `if` or `for`.
        """
        if isinstance(node, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            return node
        above = self.parent(node)
        while above is not None and not isinstance(above, cst.SimpleStatementSuite):
            if isinstance(above, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
                return above
            above = self.parent(above)
        raise NotApplicable(f"{Path(self.path).name}:{self.line(node)} shares its line with another statement")

    @cached_property
    def imported(self) -> set[str]:
        """Names that imports of this file give to modules and what is in them."""
        every = (*self.nodes(cst.Import), *self.nodes(cst.ImportFrom))
        return {name for one in every for name in _imported(self.code(one))}

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The innermost function that a node is in; None at the top of the file."""
        return next(self.around(node, cst.FunctionDef), None)

    def calls(self, line: int, *names: str) -> list[cst.Call]:
        """Calls that cover a line, innermost first; of functions with these names, if any are given."""
        found = self.at(line, cst.Call)
        return [c for c in found if not names or called(c) in names]


def inside(node: cst.CSTNode, kind: type[N]) -> Iterator[N]:
    """What a node is made of, of this kind, itself first."""
    if isinstance(node, kind):
        yield node
    for child in node.children:
        yield from inside(child, kind)


def called(call: cst.Call) -> str:
    """The last part of what is called: `SGD` of `torch.optim.SGD(...)`."""
    return last_name(call.func)


def last_name(node: cst.CSTNode) -> str:
    """`b` of `a.b`, and of `b`; empty for anything else."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def root_name(node: cst.CSTNode) -> str:
    """`a` of `a.b[0].c()`; empty where it does not begin with a name."""
    while not isinstance(node, cst.Name):
        if isinstance(node, (cst.Attribute, cst.Subscript)):
            node = node.value
        elif isinstance(node, cst.Call):
            node = node.func
        else:
            return ""
    return node.value


class Sources:
    """The files of a program, read when they are asked for.

    Args:
        root: the folder that relative paths start from.
        texts: of files that have been changed already, by whole path.
    """

    def __init__(self, root: Path, texts: Mapping[str, str] | None = None) -> None:
        self.root = root.resolve()
        self._texts = dict(texts or {})
        self._files: dict[str, SourceFile] = {}

    def file(self, path: str) -> SourceFile:
        """Of this path.

        Raises:
            NotApplicable: it cannot be read, or is no Python.
        """
        real = str((self.root / path).resolve())
        if real not in self._files:
            self._files[real] = SourceFile(real, self._texts.get(real))
        return self._files[real]

    @property
    def texts(self) -> dict[str, str]:
        """Of files that have been changed already."""
        return dict(self._texts)

    def with_patch(self, patch: Patch) -> Sources:
        """The same files, changed."""
        return Sources(self.root, {**self._texts, **patch.texts})


@dataclass(frozen=True)
class Patch:
    """New texts of files. Empty: nothing is changed.

    Args:
        texts: path -> whole new text; `before`: what the file holds now.
    """

    texts: Mapping[str, str]
    before: Mapping[str, str]

    def diff(self, root: Path) -> str:
        """Unified; paths relative to the folder where they are in it."""
        parts: list[str] = []
        for path, text in self.texts.items():
            inside = Path(path).is_relative_to(root)
            name = str(Path(path).relative_to(root)) if inside else path.lstrip("/")
            old, new = self.before[path].splitlines(keepends=True), text.splitlines(keepends=True)
            parts += difflib.unified_diff(_ended(old), _ended(new), f"a/{name}", f"b/{name}")
        return "".join(parts)


def _ended(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1] if lines[-1].endswith("\n") else lines[-1] + "\n"] if lines else lines


class Editor:
    """Collects changes of a program's files and makes one patch of them.

    Args:
        what: is changed, in a few words.
    """

    def __init__(self, sources: Sources, what: str = "") -> None:
        self.what = what
        self._sources = sources
        self._changed: dict[str, dict[cst.CSTNode, list[Change]]] = {}
        self._before: dict[str, dict[cst.CSTNode, list[Statement]]] = {}
        self._after: dict[str, dict[cst.CSTNode, list[Statement]]] = {}
        self._required: set[tuple[str, str]] = set()

    def change(self, file: SourceFile, node: cst.CSTNode, by: Change) -> None:
        """Put another node in the place of one; `by` gets it with the changes inside it made."""
        self._changed.setdefault(file.path, {}).setdefault(node, []).append(by)

    def replace(self, file: SourceFile, node: cst.BaseExpression, template: str) -> None:
        """Put an expression in the place of one: `{}` in the template is what stood there."""
        self.change(file, node, lambda old: expression(template.replace("{}", cst.Module([]).code_for_node(old))))

    def remove(self, file: SourceFile, node: cst.CSTNode) -> None:
        """Take a whole statement out; `pass` stays where it was the only one."""
        statement = file.statement_of(node)
        block = file.parent(statement)
        body: Sequence[cst.CSTNode] = block.body if isinstance(block, (cst.IndentedBlock, cst.Module)) else ()
        alone = len(body) == 1
        self.change(file, statement, lambda _: cst.parse_statement("pass\n") if alone else cst.RemoveFromParent())

    def insert(self, file: SourceFile, node: cst.CSTNode, *, before: str = "", after: str = "") -> None:
        """Put whole statements before or after the one that a node is in."""
        statement = file.statement_of(node)
        for code, kept in ((before, self._before), (after, self._after)):
            if code:
                kept.setdefault(file.path, {}).setdefault(statement, []).extend(_statements(code))

    def begin(self, file: SourceFile, code: str) -> None:
        """Put statements behind the docstring and the imports at the head of a file."""
        last = None
        for statement in file.module.body:
            if not isinstance(statement, cst.SimpleStatementLine) or not _is_heading(statement):
                break
            last = statement
        if last is not None:
            self.insert(file, last, after=code)
        elif file.module.body:
            self.insert(file, file.module.body[0], before=code)

    def require(self, file: SourceFile, name: str, line: str) -> None:
        """Import a module that a file does not import yet under this name."""
        known = any(name in _imported(file.code(one)) for one in (*file.nodes(cst.Import), *file.nodes(cst.ImportFrom)))
        if known or (file.path, name) in self._required:
            return
        self._required.add((file.path, name))
        if name in sys.stdlib_module_names and line == f"import {name}" and self._among_standard(file, line):
            return
        self.begin(file, line + "\n")

    def _among_standard(self, file: SourceFile, line: str) -> bool:
        """Put an import of the standard library in front of the others, in its order. False: there are none."""
        every = [s for s in file.module.body if isinstance(s, cst.SimpleStatementLine) and _imports_later(file, s)]
        standard = [s for s in every if _root_of_import(file.code(s)) in sys.stdlib_module_names]
        before = [s for s in standard if file.code(s).strip() < line]
        if before:
            self.insert(file, before[-1], after=f"{line}\n")
        elif every:
            first, blank = every[0], [cst.EmptyLine(indent=False)]
            apart = [] if standard and every[0] is standard[0] else blank
            plain = all(one.comment is None for one in first.leading_lines)
            self.insert(file, first, before=f"\n{line}\n" if first.leading_lines else f"{line}\n")
            if plain:
                self.change(file, first, lambda old: old.with_changes(leading_lines=apart))
        return bool(every)

    def patch(self) -> Patch:
        """All changes together.

        Raises:
            NotApplicable: what comes out is no Python, or is what there was.
        """
        texts, before = {}, {}
        for path in {**self._changed, **self._before, **self._after}:
            file = self._sources.file(path)
            maker = _Maker(self._changed.get(path, {}), self._before.get(path, {}), self._after.get(path, {}))
            made = file.module.visit(maker).code
            compile(made, path, "exec", dont_inherit=True)
            if made != file.text:
                texts[path], before[path] = made, file.text
        if not texts:
            raise NotApplicable("the program has this already")
        return Patch(texts, before)


class _Maker(cst.CSTTransformer):
    def __init__(
        self,
        changed: Mapping[cst.CSTNode, Sequence[Change]],
        before: Mapping[cst.CSTNode, Sequence[Statement]],
        after: Mapping[cst.CSTNode, Sequence[Statement]],
    ) -> None:
        super().__init__()
        self._changed, self._before, self._after = changed, before, after

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> object:  # type: ignore[override]
        made: object = super().on_leave(original_node, updated_node)
        for by in self._changed.get(original_node, ()):
            made = by(made) if isinstance(made, cst.CSTNode) else made
        first, then = self._before.get(original_node, ()), self._after.get(original_node, ())
        if not first and not then:
            return made
        kept = [made] if isinstance(made, cst.CSTNode) else []
        return cst.FlattenSentinel([*first, *kept, *then])


def expression(code: str) -> cst.BaseExpression:
    """Of source text."""
    return cst.parse_expression(code)


def _statements(code: str) -> list[Statement]:
    module = cst.parse_module(code)
    first, *others = module.body
    return [first.with_changes(leading_lines=[*module.header, *first.leading_lines]), *others]


def _imports_later(file: SourceFile, statement: cst.SimpleStatementLine) -> bool:
    """An import of something else than `__future__`."""
    return isinstance(statement.body[0], (cst.Import, cst.ImportFrom)) and "__future__" not in file.code(statement)


def _root_of_import(code: str) -> str:
    """`a` of `import a.b` and of `from a.b import c`."""
    return code.split()[1].split(".")[0].rstrip(",")


def _is_heading(statement: cst.SimpleStatementLine) -> bool:
    """An import or a docstring."""
    one = statement.body[0]
    docstring = isinstance(one, cst.Expr) and isinstance(one.value, (cst.SimpleString, cst.ConcatenatedString))
    return docstring or isinstance(one, (cst.Import, cst.ImportFrom))


def _imported(code: str) -> set[str]:
    """`a`, `c` of `from x import a, b as c`; `a` of `import a.b`."""
    parts = [part.strip(" ,()\n") for part in code.rpartition("import")[2].split(",")]
    return {part.split(" as ")[1].strip() if " as " in part else part.split(".")[0] for part in parts}
