"""Models that mlx-lm has loaded and saved, under its own names, are those of the checkpoint."""

import importlib
import json
import re
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


def test_muse_spark_as_mlx_lm_saves_it() -> None:
    """It keeps what gates and norms come to, and projections in one weight."""
    pytest.importorskip("mlx_lm")
    theirs: Any = pytest.importorskip("mlx.core")
    utils: Any = importlib.import_module("mlx.utils")
    module: Any = importlib.import_module("mlx_lm.models.muse_spark")
    config = read_config("muse_spark")
    text = config["text_config"]
    # Those that mlx-lm has, and none of images.
    text |= {"mlp_layer_types": ["sparse"] * 5, "residual_gate_temperature": 0.3}
    config = {"model_type": "muse_spark", "text_config": text}
    weights = {}
    for key, value in read_weights("muse_spark").items():
        if ".layers." in key and key.endswith("norm.weight"):
            # mlx-lm adds one and keeps 8 bits: what these hold, and no more.
            value = (value + 1).astype(mx.bfloat16).astype(mx.float32) - 1
        if ".layers.1.mlp." in key:
            weights[key.replace(".layers.1.", ".layers.0.")] = value
        if not re.search(r"vision|audio|layers\.0\.mlp\.", key):
            weights[key] = value
    expected = load_model(weights, config)
    model = module.Model(module.ModelArgs.from_dict(json.loads(json.dumps(config))))
    model.load_weights(
        list(model.sanitize({k: theirs.array(np.array(v)) for k, v in weights.items()}).items())
    )
    saved = {
        key: mx.array(np.array(x.astype(theirs.float32)))
        for key, x in utils.tree_flatten(model.parameters())
    }
    tokens, _ = read_expected("muse_spark")
    close(load_model(saved, config)(tokens), expected(tokens), 1e-4)
