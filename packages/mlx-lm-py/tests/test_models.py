"""What is particular to one model."""

import pytest
from mlx_lm_py.models import make_model as make
from tiny_models import read_config


@pytest.mark.parametrize("name", ["qwen3"])
def test_sliding_windows_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="use_sliding_window"):
        make(read_config(name) | {"use_sliding_window": True})
