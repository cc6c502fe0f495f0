"""The metadata of a GGUF file, checked as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_core_py.gguf import GGUFHeader, TensorInfo

__all__ = ["Metadata"]


def __dir__() -> list[str]:
    return __all__


class Metadata:
    """What a GGUF file says of the model in it.

    Args:
        header: As `read_gguf_header` gives it.

    Raises:
        ValueError: If the file names no architecture.

    Example:
        >>> header = GGUFHeader({"general.architecture": "llama", "llama.block_count": 2}, {})
        >>> metadata = Metadata(header)
        >>> metadata.architecture, metadata("block_count", int), metadata("expert_count", int, 0)
        ('llama', 2, 0)
    """

    def __init__(self, header: GGUFHeader) -> None:
        self._values = header.metadata
        self.tensors: Mapping[str, TensorInfo] = header.tensors
        self.architecture: str = self._read("general.architecture", str, None)

    def __call__(self, key: str, kind: type, default: Any = None) -> Any:
        """Read a value.

        Args:
            key: Its key, without the name of the architecture.
            kind: Its type.
            default: What is there if the file has none. Default: ``None``, it must be there.

        Returns:
            The value.

        Raises:
            ValueError: If it is missing or of another type. The message names it.
        """
        return self._read(f"{self.architecture}.{key}", kind, default)

    def __contains__(self, key: str) -> bool:
        return f"{self.architecture}.{key}" in self._values

    def has(self, tensor: str) -> bool:
        """Tell whether the file has a tensor.

        Args:
            tensor: Its name.

        Returns:
            Whether it has.
        """
        return tensor in self.tensors

    @property
    def depth(self) -> int:
        """The number of layers, without those that predict further tokens."""
        depth: int = self("block_count", int) - self("nextn_predict_layers", int, 0)
        return depth

    def each(self, key: str, default: int | None = None) -> list[int]:
        """Read a number of each layer.

        Args:
            key: Its key. The file may have one for all layers.
            default: What is there if the file has none. Default: ``None``, it must be there.

        Returns:
            The numbers.

        Raises:
            ValueError: If it is missing, or of another type, or there are too few.
        """
        name = f"{self.architecture}.{key}"
        value = self._values.get(name)
        if not isinstance(value, list):
            return [self._read(name, int, default)] * self.depth
        if len(value) < self.depth or any(type(x) not in (int, bool) for x in value):
            raise ValueError(f"the GGUF value '{name}' must be an int for each of the layers")
        return [int(x) for x in value[: self.depth]]

    def numbers(self, key: str) -> list[float]:
        """Read a number with a fraction of each layer, under a key of no architecture.

        Args:
            key: Its key.

        Returns:
            The numbers.

        Raises:
            ValueError: If it is missing, or of another type, or there are too few.
        """
        value = self._read(key, list, None)
        if len(value) < self.depth or any(type(x) is not float for x in value):
            raise ValueError(f"the GGUF value '{key}' must be a float for each of the layers")
        return [float(x) for x in value[: self.depth]]

    def layers(self, tensor: str) -> list[int]:
        """The layers that have a tensor.

        Args:
            tensor: Its name after ``blk.N.``.

        Returns:
            Their numbers.
        """
        return [i for i in range(self.depth) if self.has(f"blk.{i}.{tensor}")]

    def _read(self, name: str, kind: type, default: Any) -> Any:
        value = self._values.get(name, default)
        if value is None:
            raise ValueError(f"the GGUF metadata has no '{name}'")
        if type(value) is not kind:
            raise ValueError(
                f"the GGUF value '{name}' must be of type {kind.__name__}, not "
                f"{type(value).__name__}"
            )
        return value
