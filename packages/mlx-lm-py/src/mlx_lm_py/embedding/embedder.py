"""From texts to vectors: tokens, a model, one vector for each text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import tokenizers
from mlx_lm_utils_py import Tokenizer, get_model_path, load_safetensors, read_json
from mlx_lm_utils_py.tokenizer_files import read_optional

from mlx_lm_py.loading import load, load_model
from mlx_lm_py.loading.load import load_config

from .bert import Bert, BertSizes

__all__ = ["POOLINGS", "Embedder", "embed", "load_embedder"]


def __dir__() -> list[str]:
    return __all__


def _mean(x: mx.array, lengths: mx.array) -> mx.array:
    there = (mx.arange(x.shape[1]) < lengths[:, None])[..., None]
    return mx.where(there, x, 0).sum(axis=1) / lengths[:, None]


def _max(x: mx.array, lengths: mx.array) -> mx.array:
    there = (mx.arange(x.shape[1]) < lengths[:, None])[..., None]
    return mx.where(there, x, -mx.inf).max(axis=1)


def _first(x: mx.array, lengths: mx.array) -> mx.array:
    return x[:, 0]


def _last(x: mx.array, lengths: mx.array) -> mx.array:
    return x[mx.arange(x.shape[0]), lengths - 1]


_POOL: dict[str, Callable[[mx.array, mx.array], mx.array]] = {
    "mean": _mean,
    "cls": _first,
    "last": _last,
    "max": _max,
}
POOLINGS = list(_POOL)
"""How the vectors of all tokens become one."""

# What sentence-transformers calls them.
_NAMES = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "last",
    "pooling_mode_max_tokens": "max",
    "lasttoken": "last",
}
_MODULES = ("Transformer", "Pooling", "Normalize")


class Embedder:
    """Turns texts into vectors.

    Args:
        model: From tokens of shape ``(batch, length)`` and the lengths of the texts in them to
            features of shape ``(batch, length, width)``.
        tokenizer: The tokenizer.
        max_length: How many tokens of a text are read; the rest is left out.
        pooling: One of ``POOLINGS``. Default: ``"mean"``.

    Raises:
        ValueError: If there is no such pooling.
    """

    def __init__(
        self,
        model: Callable[[mx.array, mx.array], mx.array],
        tokenizer: Tokenizer,
        max_length: int,
        pooling: str = "mean",
    ) -> None:
        if pooling not in _POOL:
            raise ValueError(f"pooling must be one of {', '.join(_POOL)}, not {pooling!r}")
        self.model = model
        self.tokenizer: Tokenizer = tokenizer
        self.max_length: int = max_length
        self.pooling: str = pooling
        # A copy, because what cuts texts must not cut prompts.
        self._cutting = tokenizers.Tokenizer.from_str(tokenizer.backend.to_str())
        self._cutting.enable_truncation(max_length)

    def __call__(
        self, texts: str | Sequence[str], *, normalize: bool = True, batch_size: int = 32
    ) -> mx.array:
        """Turn texts into vectors.

        Args:
            texts: A text, or several.
            normalize: Whether each vector is to have the length 1, so that products of them are
                cosines. Default: ``True``.
            batch_size: How many texts are read at once. Default: 32.

        Returns:
            ``float32`` of shape ``(width,)`` for one text, of shape ``(texts, width)`` for several.

        Raises:
            TypeError: If ``texts`` holds something else than strings.
            ValueError: If there is no text, or ``batch_size`` is not positive.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive, not {batch_size}")
        listed = [texts] if isinstance(texts, str) else list(texts)
        if not all(isinstance(text, str) for text in listed):
            raise TypeError("texts must be a string or a sequence of strings")
        if not listed:
            raise ValueError("texts is empty")
        rows = [self._cutting.encode(text).ids for text in listed]
        if not all(rows):
            raise ValueError("a text has no tokens")
        # Those of one length together, so that little is filled up.
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        parts = []
        for start in range(0, len(order), batch_size):
            parts.append(self._batch([rows[i] for i in order[start : start + batch_size]]))
            mx.eval(parts[-1])
        places = [0] * len(order)
        for place, i in enumerate(order):
            places[i] = place
        vectors = mx.concatenate(parts)[mx.array(places)]
        if normalize:
            lengths = mx.linalg.norm(vectors, axis=-1, keepdims=True)
            vectors = vectors / mx.maximum(lengths, 1e-12)
        return vectors[0] if isinstance(texts, str) else vectors

    def _batch(self, rows: list[list[int]]) -> mx.array:
        longest = max(map(len, rows))
        tokens = mx.array([row + [0] * (longest - len(row)) for row in rows])
        lengths = mx.array([len(row) for row in rows])
        return _POOL[self.pooling](self.model(tokens, lengths).astype(mx.float32), lengths)


def load_embedder(
    path_or_hf_repo: str | Path, revision: str | None = None, *, pooling: str | None = None
) -> Embedder:
    """Load a model that turns texts into vectors.

    Args:
        path_or_hf_repo: A folder or repository of an encoder (BERT, RoBERTa, XLM-RoBERTa), or
            whatever `load` takes: of a language model the features before its output layer are
            taken.
        revision: Branch, tag or commit of a repository. Default: ``None``, its main branch.
        pooling: One of ``POOLINGS``. Default: ``None``, what the files of sentence-transformers
            say, else ``"mean"`` for an encoder and ``"last"`` for a language model.

    Returns:
        The embedder.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, or the model or its pooling is not supported.
    """
    path = get_model_path(path_or_hf_repo, revision)
    if not (path.is_dir() and (path / "config.json").is_file()):
        model, tokenizer = load(path_or_hf_repo, revision=revision)
        return _of_decoder(model, tokenizer, pooling or "last")
    config = load_config(path)
    tokenizer = Tokenizer.from_folder(path)
    pooling = pooling or _pooling(path)
    weights = load_safetensors(path)
    if config.get("model_type") not in ("bert", "roberta", "xlm-roberta", "camembert"):
        # Such checkpoints have no output layer, nor the name of what is before it.
        if not any(name.startswith("model.") for name in weights):
            weights = {f"model.{name}": value for name, value in weights.items()}
        model = load_model(weights, config | {"tie_word_embeddings": True})
        return _of_decoder(model, tokenizer, pooling or "last")
    sizes = BertSizes.from_config(config)
    encoder = Bert(sizes)
    encoder.load_weights(list(encoder.sanitize(weights).items()))
    encoder.eval()
    longest = read_optional(path / "sentence_bert_config.json").get("max_seq_length")
    length = min(longest, sizes.length) if type(longest) is int and longest > 2 else sizes.length
    return Embedder(encoder, tokenizer, length, pooling or "mean")


def _of_decoder(model: Any, tokenizer: Tokenizer, pooling: str) -> Embedder:
    # What fills a text up comes after it, where none of its tokens looks.
    def features(tokens: mx.array, lengths: mx.array) -> mx.array:
        hidden: mx.array = model.model(tokens)
        return hidden

    return Embedder(features, tokenizer, model.args.context_length, pooling)


def _pooling(folder: Path) -> str | None:
    """What the files of sentence-transformers say."""
    path = folder / "modules.json"
    if not path.is_file():
        return None
    for module in _modules(path):
        kind = str(module.get("type", "")).rpartition(".")[2]
        if kind not in _MODULES:
            raise ValueError(f"{path}: the module {kind!r} is not supported; {_MODULES} are")
        if kind == "Pooling":
            return _mode(read_json(folder / Path(str(module.get("path"))).name / "config.json"))
    return None


def _modules(path: Path) -> list[Mapping[str, Any]]:
    try:
        modules = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is not valid JSON") from None
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ValueError(f"{path} must hold a list of modules")
    return modules


def _mode(config: Mapping[str, Any]) -> str:
    named = config.get("pooling_mode")
    modes = [named] if isinstance(named, str) else []
    modes += [
        key for key, value in config.items() if key.startswith("pooling_mode_") and value is True
    ]
    found = [_NAMES.get(mode, mode) for mode in modes]
    if len(found) != 1 or found[0] not in _POOL:
        raise ValueError(f"the pooling {modes} is not supported; one of {POOLINGS} is")
    return found[0]


def embed(
    texts: str | Sequence[str],
    model: Embedder | str | Path,
    *,
    normalize: bool = True,
    batch_size: int = 32,
) -> mx.array:
    """Turn texts into vectors.

    Args:
        texts: A text, or several.
        model: An embedder, or what `load_embedder` takes. Who embeds again and again loads once.
        normalize: As for `Embedder`.
        batch_size: As for `Embedder`.

    Returns:
        As `Embedder` does.
    """
    embedder = model if isinstance(model, Embedder) else load_embedder(model)
    return embedder(texts, normalize=normalize, batch_size=batch_size)
