"""Which files a client may name: those below the root, told by their plain paths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from netvet.core import NetvetError


@dataclass(frozen=True, slots=True)
class Root:
    """The folder below which everything has to lie.

    Attributes:
        path: absolute, without links.
    """

    path: Path

    @classmethod
    def of(cls, folder: Path) -> Root:
        """The root at a folder."""
        return cls(folder.resolve())

    def inside(self, text: str) -> str:
        """A path relative to the root, which exists below it and is reached by no link.

        Args:
            text: relative to the root, or absolute.

        Raises:
            NetvetError: it leaves the root, goes through a link, or does not exist.
        """
        if not text or "\0" in text:
            raise NetvetError("a path is empty or holds a zero character; give a path below the root of the server")
        given = PurePath(text)
        if ".." in given.parts:
            raise NetvetError(f"{text!r} holds '..'; give the plain path below the root of the server")
        path = self.path / given
        if not path.is_relative_to(self.path):
            raise NetvetError(f"{text!r} lies outside of the root of the server, {self.path}")
        relative = path.relative_to(self.path)
        steps = [self.path.joinpath(*relative.parts[:n]) for n in range(1, len(relative.parts) + 1)]
        link = next((step for step in steps if step.is_symlink()), None)
        if link is not None:
            raise NetvetError(f"{text!r} goes through the link {link.relative_to(self.path)}; links are not followed")
        if not path.exists():
            raise NetvetError(f"no such file or folder: {text!r} below {self.path}")
        shown = str(relative)
        return f"./{shown}" if shown.startswith("-") else shown

    def program(self, text: str) -> str:
        """A script, or FILE.py:FUNCTION.

        Raises:
            NetvetError: its path may not be named.
        """
        file, colon, function = text.rpartition(":")
        if colon and function.isidentifier() and not (self.path / text).exists():
            return f"{self.inside(file)}:{function}"
        return self.inside(text)

    def data(self, text: str) -> str:
        """A target of `netvet data`: a path, SPLIT=PATH, a script, or FILE.py:FUNCTION.

        Raises:
            NetvetError: its path may not be named.
        """
        split, equals, path = text.partition("=")
        if equals and split.isidentifier():
            return f"{split}={self.inside(path)}"
        return self.program(text)
