import dataclasses
from pathlib import Path
from typing import Any

import pytest
from mlx_lm_utils_py.config import check_range, from_config, read_json, with_rope_parameters


@dataclasses.dataclass
class Args:
    hidden_size: int
    eps: float
    bias: bool = False
    scaling: dict[str, Any] | None = None
    limit: int | None = 3


def test_takes_what_it_has_fields_for() -> None:
    args = from_config(Args, {"hidden_size": 4, "eps": 1, "other": [], "bias": None})
    assert args == Args(4, 1.0)
    assert isinstance(args.eps, float)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"eps": 1.0}, "no 'hidden_size'"),
        ({"hidden_size": None, "eps": 1.0}, "no 'hidden_size'"),
        ({"hidden_size": 4.0, "eps": 1.0}, "'hidden_size' .* int, not float"),
        ({"hidden_size": True, "eps": 1.0}, "'hidden_size' .* int, not bool"),
        ({"hidden_size": 4, "eps": "1e-5"}, "'eps' .* float, not str"),
        ({"hidden_size": 4, "eps": float("nan")}, "'eps' .* finite"),
        ({"hidden_size": 4, "eps": float("-inf")}, "'eps' .* finite"),
        ({"hidden_size": 4, "eps": 10**400}, "'eps' .* finite"),
        ({"hidden_size": 4, "eps": 1.0, "bias": 1}, "'bias' .* bool, not int"),
        ({"hidden_size": 4, "eps": 1.0, "scaling": []}, "'scaling' .* dict, not list"),
    ],
)
def test_names_what_is_wrong(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_config(Args, config)


def test_range() -> None:
    check_range("n", 1)
    with pytest.raises(ValueError, match=r"'n' .* is 0; it must be in 1\.\."):
        check_range("n", 0)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"[1]", b"3"])
def test_refuses_what_is_no_json_object(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json"):
        read_json(path)


def test_missing_json(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        read_json(tmp_path / "none.json")


def test_rope_parameters() -> None:
    scaling = {"rope_type": "linear", "factor": 2.0}
    config = {"rope_parameters": {**scaling, "rope_theta": 7.0}, "a": 1}
    assert with_rope_parameters(config) == {"rope_theta": 7.0, "rope_scaling": scaling, "a": 1}
    assert with_rope_parameters({"rope_theta": 7.0}) == {"rope_theta": 7.0}
    with pytest.raises(ValueError, match="rope_parameters"):
        with_rope_parameters({"rope_parameters": 3})
