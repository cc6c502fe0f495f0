from collections.abc import Callable
from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class Callback:
    def __init__(self, function: Callable[..., Any]) -> None: ...
