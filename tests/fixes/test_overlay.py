"""Patched sources in the place of files."""

import importlib
import linecache
import runpy
import sys
import traceback

import pytest

from netvet.fixes.overlay import patched


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a relative import, and modules of it that nobody has imported yet."""
    folder = tmp_path / "overlaid"
    folder.mkdir()
    (folder / "__init__.py").write_text("from .part import VALUE\n")
    (folder / "part.py").write_text("VALUE = 1\n\n\ndef fail():\n    raise ValueError('as in the file')\n")
    (folder / "__main__.py").write_text("from . import VALUE\nRESULT = VALUE\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield folder
    for name in [n for n in sys.modules if n.split(".")[0] == "overlaid"]:
        del sys.modules[name]


def test_a_patched_module_of_a_package_is_imported_by_relative_imports(package):
    with patched({str(package / "part.py"): "VALUE = 2\n"}):
        module = importlib.import_module("overlaid")
        assert module.VALUE == 2
        assert module.part.__file__ == str(package / "part.py")
    assert importlib.import_module("overlaid").part.VALUE == 2  # the package itself was not patched, and stays
    del sys.modules["overlaid"]
    assert importlib.import_module("overlaid").VALUE == 1  # the patched module was forgotten


def test_the_init_of_a_package_can_be_patched(package):
    with patched({str(package / "__init__.py"): "from .part import VALUE as OTHER\nVALUE = OTHER + 10\n"}):
        assert importlib.import_module("overlaid").VALUE == 11


def test_no_bytecode_is_read_or_written(package):
    before = importlib.import_module("overlaid.part")
    compiled = {p: p.read_bytes() for p in package.rglob("*.pyc")}
    assert before.VALUE == 1
    for name in ("overlaid", "overlaid.part"):
        del sys.modules[name]
    with patched({str(package / "part.py"): "VALUE = 3\n"}):
        assert importlib.import_module("overlaid.part").VALUE == 3
    assert {p: p.read_bytes() for p in package.rglob("*.pyc")} == compiled


def test_a_traceback_shows_the_patched_line(package):
    text = "VALUE = 1\n\n\ndef fail():\n    raise KeyError('as patched')\n"
    with patched({str(package / "part.py"): text}):
        part = importlib.import_module("overlaid.part")
        with pytest.raises(KeyError) as caught:
            part.fail()
        shown = "".join(traceback.format_exception(caught.value))
        linecache.checkcache()
        assert "raise KeyError('as patched')" in shown
        assert f'File "{package / "part.py"}", line 5' in shown
    assert "as in the file" in linecache.getline(str(package / "part.py"), 5)


def test_a_module_is_run_from_the_patched_text(package):
    with patched({str(package / "__main__.py"): "RESULT = 'patched'\n"}):
        assert runpy.run_module("overlaid", run_name="__main__")["RESULT"] == "patched"


def test_the_script_itself_is_compiled_from_the_patched_text(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("x = 1\n")
    with patched({str(script): "x = 2\n"}) as overlay:
        code = overlay.compile_script(script)
        space = {}
        exec(code, space)
        assert (space["x"], code.co_filename) == (2, str(script))
        assert linecache.getline(str(script), 1) == "x = 2\n"
    with patched({}) as overlay:
        exec(overlay.compile_script(script), space)
        assert space["x"] == 1


def test_a_copy_of_a_folder_on_the_path_stands_for_the_folder(package, tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    copy.mkdir()
    monkeypatch.chdir(copy)
    monkeypatch.setattr(sys, "path", [str(copy), *[p for p in sys.path if p != str(tmp_path)]])
    with patched({str(package / "part.py"): "VALUE = 5\n"}, {str(copy): str(tmp_path)}):
        assert importlib.import_module("overlaid").VALUE == 5
