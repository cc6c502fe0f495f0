"""Modules hold, find, change, save and freeze their parameters."""

import copy
import pickle
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(2)
        self.layers: list[nn.Module] = [nn.Linear(2, 3), nn.Linear(3, 2, bias=False)]

    def __call__(self, x: mx.array) -> mx.array:
        y = self.norm(x)
        for layer in self.layers:
            y = layer(y)
        return x + y


class Model(nn.Module):
    """A module with everything a module can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()
        self.scale = mx.ones((2,))
        self._hidden = mx.zeros((1,))
        self.parts: dict[str, Any] = {"offset": mx.zeros((2,)), "act": nn.ReLU()}
        self.number = 5
        self.pair = (mx.zeros(1), nn.ReLU())

    def __call__(self, x: mx.array) -> mx.array:
        y: mx.array = self.parts["act"](self.block(x) * self.scale + self.parts["offset"])
        return y


NAMES = {
    "block.norm.weight",
    "block.layers.0.weight",
    "block.layers.0.bias",
    "block.layers.1.weight",
    "scale",
    "parts.offset",
}


def names(tree: Any) -> set[str]:
    return {path for path, _ in tree_flatten(tree)}


# ---- attributes


def test_arrays_and_containers_are_state_and_the_rest_is_not() -> None:
    model = Model()
    assert set(model) == {"block", "scale", "_hidden", "parts", "pair"}
    assert model.number == 5
    assert model["scale"] is model.scale
    assert model.state is model


def test_attributes_change_between_state_and_plain() -> None:
    layer = nn.ReLU()
    layer.x = mx.zeros(1)
    layer.x = 3
    assert layer.x == 3
    assert "x" not in layer
    layer.x = nn.ReLU()
    assert "x" in layer
    assert "x" not in vars(layer)
    del layer.x
    for action in (lambda: layer.x, lambda: delattr(layer, "x")):
        with pytest.raises(AttributeError, match="x"):
            action()


@pytest.mark.parametrize("name", ["keys", "values", "update", "training", "parameters"])
def test_state_must_not_hide_behind_a_method(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        setattr(nn.ReLU(), name, mx.zeros(1))


def test_repr_shows_the_tree() -> None:
    assert repr(Model()) == (
        "Model(\n"
        "  (block): Block(\n"
        "    (norm): RMSNorm(2, eps=1e-05)\n"
        "    (layers.0): Linear(input_dims=2, output_dims=3, bias=True)\n"
        "    (layers.1): Linear(input_dims=3, output_dims=2, bias=False)\n"
        "  )\n"
        "  (parts.act): ReLU()\n"
        ")"
    )


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(duplicate: Any) -> None:
    model = Model().freeze(keys="scale").eval()
    twin = duplicate(model)
    assert isinstance(twin.block.layers[0], nn.Linear)
    assert names(twin.parameters()) == NAMES
    assert "scale" not in twin.trainable_parameters()
    assert not twin.training
    assert twin.block.layers[0].weight.tolist() == model.block.layers[0].weight.tolist()
    twin.scale = mx.zeros((2,))
    assert model.scale.tolist() == [1, 1]


# ---- traversal


def test_parameters() -> None:
    model = Model()
    assert names(model.parameters()) == NAMES
    assert model.parameters()["parts"]["act"] == {}


def test_children_and_leaves() -> None:
    model = Model()
    children = tree_flatten(model.children(), is_leaf=nn.Module.is_module)
    assert [path for path, _ in children] == ["block", "parts.act"]
    leaves = tree_flatten(model.leaf_modules(), is_leaf=nn.Module.is_module)
    assert [path for path, _ in leaves] == [
        "block.norm",
        "block.layers.0",
        "block.layers.1",
        "parts.act",
    ]


def test_named_modules_are_in_the_order_of_mlx() -> None:
    model = Model()
    named = model.named_modules()
    # From the outside in, the last of several first.
    assert [path for path, _ in named] == [
        "",
        "parts.act",
        "block",
        "block.layers.1",
        "block.layers.0",
        "block.norm",
    ]
    assert named[0][1] is model
    assert [id(m) for m in model.modules()] == [id(m) for _, m in named]
    seen: list[str] = []
    assert model.apply_to_modules(lambda path, _: seen.append(path)) is model
    assert seen == [path for path, _ in named]


def test_modules_that_a_function_puts_in_are_visited() -> None:
    model = nn.Sequential(nn.Sequential(nn.ReLU()))

    def grow(path: str, module: nn.Module) -> None:
        if path == "layers.0":
            module.layers = [nn.SiLU(), nn.Tanh()]

    seen: list[str] = []
    model.apply_to_modules(grow)
    model.apply_to_modules(lambda path, module: seen.append(type(module).__name__))
    assert seen == ["Sequential", "Sequential", "Tanh", "SiLU"]
    visited: list[str] = []

    def grow_and_note(path: str, module: nn.Module) -> None:
        visited.append(path)
        if path == "layers.0":
            module.layers = [nn.SiLU()]

    model.apply_to_modules(grow_and_note)
    assert visited == ["", "layers.0", "layers.0.layers.0"]


def test_layers_may_have_a_training_mode_of_their_own() -> None:
    class Noted(nn.Module):
        def _set_training_mode(self, mode: bool) -> None:
            super()._set_training_mode(mode)
            self.noted = mode

    layer = Noted()
    nn.Sequential(layer).eval()
    assert layer.noted is False
    assert not layer.training


def test_dir_shows_the_state() -> None:
    layer = nn.Linear(1, 1)
    assert {"weight", "bias", "update", "_training"} <= set(dir(layer))
    assert sorted(set(dir(layer))) == dir(layer)


def test_filter_and_map() -> None:
    model = Model()
    shapes = model.filter_and_map(nn.Module.valid_parameter_filter, lambda x: x.shape)
    assert shapes["block"]["layers"][0] == {"weight": (3, 2), "bias": (3,)}
    assert model.filter_and_map(lambda module, key, value: key == "scale").keys() == {"scale"}
    keys: list[str] = []

    def record(module: nn.Module, key: str, value: Any) -> bool:
        keys.append(key)
        return True

    model.filter_and_map(record, is_leaf_fn=lambda m, k, v: not isinstance(v, dict))
    assert "parts.offset" in keys
    with pytest.raises(ValueError, match="is_leaf_fn"):
        model.filter_and_map(lambda m, k, v: k == "scale", is_leaf_fn=lambda m, k, v: False)


# ---- update


def test_update_replaces_a_part() -> None:
    model = Model()
    weight = mx.ones((3, 2))
    assert model.update({"block": {"layers": [{"weight": weight}]}}) is model
    assert model.block.layers[0].weight is weight
    assert model.block.layers[1].weight.shape == (2, 3)


def test_update_with_its_own_parameters_changes_nothing() -> None:
    model = Model()
    before = dict(tree_flatten(model.parameters()))
    model.update(model.parameters())
    model.freeze(keys="offset")
    model.parts["frozen"] = mx.zeros(1)
    model.freeze().update(model.trainable_parameters())
    assert all(before[path] is x for path, x in tree_flatten(model.parameters()) if path in before)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"nothing": mx.zeros(1)}, "nothing"),
        ({"number": mx.zeros(1)}, "number"),
        ({"scale": 1}, "scale"),
        ({"block": {"layers": [{}, {}, mx.zeros(1)]}}, r"layers\.2"),
        ({"block": {"layers": {"weight": mx.zeros(1)}}}, "layers"),
        ({"block": mx.zeros(1)}, "block"),
        (3, "parameters"),
    ],
)
def test_update_of_what_is_not_there(parameters: Any, message: str) -> None:
    model = Model()
    with pytest.raises(ValueError, match=message):
        model.update(parameters)
    before = tree_flatten(model.parameters())
    model.update(parameters, strict=False)
    assert all(
        a is b for (_, a), (_, b) in zip(before, tree_flatten(model.parameters()), strict=True)
    )
    assert model.number == 5


def test_update_modules() -> None:
    model = Model()
    silu = nn.SiLU()
    assert model.update_modules({"block": {"layers": [silu]}, "parts": {"act": silu}}) is model
    assert model.block.layers[0] is silu
    assert isinstance(model.block.layers[1], nn.Linear)
    assert model.parts["act"] is silu
    model.update_modules(model.leaf_modules())
    model.update_modules(model.children())
    assert model.block.layers[0] is silu


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"nothing": nn.ReLU()}, "nothing"),
        ({"scale": nn.ReLU()}, "scale"),
        ({"block": {"layers": [{}, {}, nn.ReLU()]}}, r"layers\.2"),
        ({"block": {"layers": [3]}}, r"layers\.0"),
        ({"parts": nn.ReLU()}, "parts"),
        (3, "modules"),
    ],
)
def test_update_modules_of_what_is_not_there(modules: Any, message: str) -> None:
    model = Model()
    with pytest.raises(ValueError, match=message):
        model.update_modules(modules)
    before = repr(model)
    model.update_modules(modules, strict=False)
    assert repr(model) == before


def test_apply_and_set_dtype() -> None:
    model = Model()
    model.steps = mx.array([1])
    assert model.apply(lambda x: x + 1) is model
    assert model.scale.tolist() == [2, 2]
    assert model._hidden.tolist() == [0]
    model.set_dtype(mx.float16)
    assert model.block.layers[0].weight.dtype == mx.float16
    assert model.steps.dtype == mx.int32
    model.set_dtype(mx.float32, None)
    assert model.steps.dtype == mx.float32
    model.apply(lambda x: x * 0, lambda m, k, v: k in ("scale", "block"))
    assert model.scale.tolist() == [0, 0]


# ---- weights


@pytest.mark.parametrize("extension", ["npz", "safetensors"])
def test_weights_go_to_a_file_and_back(tmp_path: Path, extension: str) -> None:
    model, other = Model(), Model()
    path = tmp_path / f"weights.{extension}"
    model.save_weights(path)
    assert set(mx.load(path)) == NAMES
    assert other.load_weights(str(path)) is other
    x = mx.array([[0.5, -1.0]])
    assert np.allclose(np.array(model(x)), np.array(other(x)))


def test_save_weights_knows_two_formats(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="safetensors"):
        Model().save_weights(tmp_path / "weights.bin")


def test_load_weights_from_files_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Model().load_weights(tmp_path / "nothing.npz")
    mx.save(tmp_path / "one.npy", mx.zeros(1))
    with pytest.raises(TypeError, match="one array"):
        Model().load_weights(tmp_path / "one.npy")


def all_weights(**changes: Any) -> list[tuple[str, Any]]:
    weights = dict(tree_flatten(Model().parameters())) | changes
    return [(name, value) for name, value in weights.items() if value is not ...]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"more": mx.zeros(1)}, "more"),
        ({"scale": ...}, "scale"),
        ({"scale": mx.zeros(3)}, r"scale .*\(2,\).*\(3,\)"),
        ({"scale": 3}, "scale .*int"),
    ],
)
def test_strict_loading(changes: dict[str, Any], message: str) -> None:
    model = Model()
    before = model.scale
    with pytest.raises(ValueError, match=message):
        model.load_weights(all_weights(**changes))
    assert model.scale is before


def test_loading_that_is_not_strict() -> None:
    model = Model()
    model.load_weights([("scale", mx.zeros(7)), ("more", mx.zeros(1))], strict=False)
    assert model.scale.shape == (7,)
    assert names(model.parameters()) == NAMES
    with pytest.raises(ValueError, match="scale"):
        model.load_weights([("scale", 3)], strict=False)  # type: ignore[list-item]


def test_loading_into_dictionaries_with_numbers_for_keys() -> None:
    model = Model()
    model.parts["0"] = mx.zeros((1,))
    model.load_weights([("parts.0", mx.ones((1,)))], strict=False)
    assert model.parts["0"].tolist() == [1]


def test_loading_does_not_reach_hidden_arrays() -> None:
    model = Model()
    model.load_weights([("_hidden", mx.ones((1,)))], strict=False)
    assert model._hidden.tolist() == [0]


# ---- modes


def test_freeze_everything_and_nothing() -> None:
    model = Model()
    assert model.freeze() is model
    assert names(model.trainable_parameters()) == set()
    assert names(model.parameters()) == NAMES
    assert model.unfreeze() is model
    assert names(model.trainable_parameters()) == NAMES


@pytest.mark.parametrize(
    ("options", "frozen"),
    [
        ({"keys": "weight"}, {name for name in NAMES if name.endswith("weight")}),
        ({"keys": ["bias", "scale"]}, {"block.layers.0.bias", "scale"}),
        ({"keys": ["bias", "scale"], "recurse": False}, {"scale"}),
        ({"recurse": False}, {"scale", "parts.offset"}),
        ({"keys": "nothing"}, set()),
    ],
)
def test_freeze_and_unfreeze_a_part(options: dict[str, Any], frozen: set[str]) -> None:
    model = Model()
    assert names(model.freeze(**options).trainable_parameters()) == NAMES - frozen
    model.freeze()
    assert names(model.unfreeze(**options).trainable_parameters()) == frozen


@pytest.mark.parametrize("method", ["freeze", "unfreeze"])
def test_strict_keys(method: str) -> None:
    model = Model()
    getattr(model, method)(keys="bias", strict=True)
    with pytest.raises(KeyError, match="nothing"):
        getattr(model, method)(keys=["bias", "nothing"], strict=True)
    with pytest.raises(KeyError, match="bias"):
        getattr(model, method)(keys="bias", strict=True, recurse=False)


def test_train_and_eval_reach_every_module() -> None:
    model = Model()
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert model.train() is model
    assert all(module.training for module in model.modules())
