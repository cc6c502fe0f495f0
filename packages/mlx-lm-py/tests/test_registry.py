import subprocess
import sys
from pathlib import Path
from typing import Any

import mlx_lm_py.models
import pytest
from mlx_core_py import nn
from mlx_lm_py.models import make_model
from mlx_lm_py.models.registry import MODULES, model_file
from tiny_models import MODELS, read_config


def test_every_architecture_has_a_fixture() -> None:
    """So that `test_architectures` is of all of them."""
    assert {read_config(name)["model_type"] for name in MODELS} == MODULES.keys()


def test_every_module_of_a_model_is_registered() -> None:
    (folder,) = mlx_lm_py.models.__path__
    models = {
        path.stem
        for path in Path(folder).glob("*.py")
        if "class Model(" in path.read_text(encoding="utf-8")
    }
    assert models == set(MODULES.values())


@pytest.mark.parametrize("architecture", MODULES)
def test_what_a_module_defines(architecture: str) -> None:
    file = model_file(architecture)
    (name, *_) = [name for name in MODELS if read_config(name)["model_type"] == architecture]
    model: Any = file.Model(file.ModelArgs.from_dict(read_config(name)))
    assert isinstance(model, nn.Module)
    assert (model.args.vocab_size, len(model.layers)) == (96, 2)


def test_models_are_imported_on_demand() -> None:
    code = (
        "import sys, mlx_lm_py.cli; from mlx_lm_py.models.registry import MODULES, model_file\n"
        "files = {f'mlx_lm_py.models.{name}' for name in MODULES.values()}\n"
        "assert not files & sys.modules.keys()\n"
        "model_file('llama'); assert files & sys.modules.keys() == {'mlx_lm_py.models.llama'}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", ["martian", None, ["llama"], "registry", ".llama", ""])
def test_unknown_architectures(kind: Any) -> None:
    with pytest.raises(ValueError, match="is not supported; supported: llama, mistral, "):
        make_model(read_config("llama") | {"model_type": kind})
