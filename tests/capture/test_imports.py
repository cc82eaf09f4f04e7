"""Being told of modules that the program imports."""

import importlib
import sys

import pytest

from netvet.capture.imports import ImportListener


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A package with a part, which nobody has imported yet."""
    (tmp_path / "some_library").mkdir()
    (tmp_path / "some_library" / "__init__.py").write_text("")
    (tmp_path / "some_library" / "part.py").write_text("value = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "some_library.part"
    for name in [name for name in sys.modules if name.startswith("some_library")]:
        del sys.modules[name]


def test_tells_of_a_module_that_is_complete_and_leaves_nothing_behind(library):
    told, before = [], list(sys.meta_path)
    listener = ImportListener({library: lambda module: told.append(module.value)})
    listener.install()
    module = importlib.import_module(library)
    assert told == [3]
    assert "exec_module" not in vars(module.__loader__)
    importlib.reload(module)
    assert told == [3]
    listener.remove()
    assert sys.meta_path == before


def test_tells_at_once_of_what_is_there_already(library):
    importlib.import_module(library)
    told = []
    listener = ImportListener({library: told.append})
    listener.install()
    assert told == [sys.modules[library]]
    assert listener not in sys.meta_path


def test_tells_of_nothing_after_its_end(library):
    told = []
    listener = ImportListener({library: told.append})
    listener.install()
    listener.remove()
    importlib.import_module(library)
    assert told == []


def test_a_module_that_is_missing_is_missing_as_ever():
    listener = ImportListener({"no_such_library": lambda _: None})
    listener.install()
    try:
        with pytest.raises(ModuleNotFoundError, match="no_such_library"):
            importlib.import_module("no_such_library")
    finally:
        listener.remove()
