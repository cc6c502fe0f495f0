import importlib.util
from pathlib import Path

import pytest
from architecture_table import CONVERTED, PAGE, TYPES, WITHOUT_GGUF, page
from mlx_lm_py.models.registry import ALIASES, FAMILIES, find_architecture

SHARED = {
    "__init__", "activations", "base", "bitlinear_layers", "cache", "gated_delta", "mla",
    "pipeline", "rope_utils", "ssm", "switch_layers",
}  # fmt: skip


def test_no_type_is_missing() -> None:
    """Each is read."""
    assert len(TYPES) == len(set(TYPES)) == 126
    assert set(TYPES) <= {*FAMILIES, *ALIASES}
    found = importlib.util.find_spec("mlx_lm")
    if found is not None and found.origin is not None:
        files = (Path(found.origin).parent / "models").glob("*.py")
        assert {file.stem for file in files} - SHARED == set(TYPES)


def test_each_type_has_gguf_files_or_a_reason() -> None:
    for name in TYPES:
        if name not in WITHOUT_GGUF and name not in CONVERTED:
            assert find_architecture(name).gguf is not None, name


@pytest.mark.skipif(not PAGE.parent.is_dir(), reason="the documentation is not here")
def test_the_page_has_the_table() -> None:
    assert PAGE.read_text() == page(), "run PYTHONPATH=tests python tests/architecture_table.py"
