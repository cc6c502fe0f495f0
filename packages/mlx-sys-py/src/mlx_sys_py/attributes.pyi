from typing import Any

__all__ = ["AttributeDict"]

class AttributeDict(dict[str, Any]):
    def __getattribute__(self, name: str, /) -> Any: ...
    def __getattr__(self, name: str, /) -> Any: ...
