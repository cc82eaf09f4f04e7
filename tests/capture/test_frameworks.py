"""Which framework a program trains with, by its imports."""

import pytest

from netvet.capture.frameworks import framework_of, require
from netvet.core import NetvetError

PROGRAMS = {
    "import torch": "torch",
    "import lightning as L": "torch",
    "from transformers import Trainer": "torch",
    "import numpy": "torch",
    "import keras": "keras",
    "from tensorflow import keras": "keras",
    "import jax\nimport optax": "jax",
    "from flax import nnx": "jax",
    "import jax\nimport torch": "torch",
    "import keras\nimport jax": "keras",
    "import torch\nfrom keras.datasets import mnist": "torch",
    "import torch\nimport keras\nkeras.Sequential([]).fit(1, 2)": "keras",
    "def later():\n    import keras": "keras",
    "this is no Python": "torch",
}


@pytest.mark.parametrize("text", PROGRAMS)
def test_reads_the_framework_off_the_imports(text, tmp_path):
    (tmp_path / "train.py").write_text(text)
    assert framework_of(str(tmp_path / "train.py"), is_module=False) == PROGRAMS[text]


def test_follows_the_program_into_its_own_modules(tmp_path, monkeypatch):
    (tmp_path / "pkg" / "parts").mkdir(parents=True)
    (tmp_path / "pkg" / "parts" / "model.py").write_text("import keras\nfrom pkg import train")
    (tmp_path / "pkg" / "train.py").write_text("from pkg.parts import model")
    monkeypatch.chdir(tmp_path)
    assert framework_of("pkg.train", is_module=True) == "keras"


def test_names_what_is_not_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(NetvetError, match=r"Keras 3 is not installed here; `pip install keras`"):
        require("keras")
