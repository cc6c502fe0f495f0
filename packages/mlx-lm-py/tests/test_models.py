"""What is particular to one model."""

import pytest
from mlx_lm_py.models import make_model as make
from mlx_lm_py.models.llama import ModelArgs
from tiny_models import read_config


@pytest.mark.parametrize("name", ["qwen2", "qwen3"])
def test_sliding_windows_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="use_sliding_window"):
        make(read_config(name) | {"use_sliding_window": True})


@pytest.mark.parametrize(
    ("window", "length"), [(None, 128), (127, 127), (128, 128), (129, 128), (1, 1)]
)
def test_the_context_of_mistral_ends_with_its_window(window: int | None, length: int) -> None:
    args = ModelArgs.from_dict(read_config("mistral") | {"sliding_window": window})
    assert args.context_length == length


def test_a_senseless_window() -> None:
    with pytest.raises(ValueError, match=r"'sliding_window' .* is 0"):
        make(read_config("mistral") | {"sliding_window": 0})
