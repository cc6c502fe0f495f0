"""Models that mlx-lm has loaded and saved, under its own names, are those of the checkpoint."""

import importlib
import json
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from fixtures.of_mlx_lm import OF_MLX_LM
from mlx_lm_py import load_model
from tiny_models import close, read_config, read_expected, read_weights


@pytest.mark.parametrize("name", OF_MLX_LM)
def test_what_mlx_lm_saves(name: str) -> None:
    pytest.importorskip("mlx_lm")
    theirs: Any = pytest.importorskip("mlx.core")
    utils: Any = importlib.import_module("mlx.utils")
    config = dict(OF_MLX_LM[name][0])
    module: Any = importlib.import_module(
        f"mlx_lm.models.{config.pop('module', config['model_type'])}"
    )
    model = module.Model(module.ModelArgs.from_dict(json.loads(json.dumps(config))))
    weights = {key: theirs.array(np.array(value)) for key, value in read_weights(name).items()}
    if hasattr(model, "sanitize"):
        weights = model.sanitize(weights)
    model.load_weights(list(weights.items()))
    saved = {key: mx.array(np.array(x)) for key, x in utils.tree_flatten(model.parameters())}
    tokens, logits = read_expected(name)
    close(load_model(saved, read_config(name))(tokens), logits, 2e-3)
