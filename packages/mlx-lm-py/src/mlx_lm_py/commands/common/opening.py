"""A model opened as the options of a command say, and what chooses its tokens."""

from __future__ import annotations

import argparse
import gc
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .streams import read_text

if TYPE_CHECKING:
    from mlx_lm_utils_py import Tokenizer

    from mlx_lm_py.models.protocols import LanguageModel
    from mlx_lm_py.sampling import LogitsProcessor, Sampler

__all__ = [
    "Opened",
    "make_processors",
    "open_model",
    "prefill_step_size",
    "response_format",
    "sampler_of",
    "seed",
    "set_up",
    "template_options",
]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Opened:
    """A model and how long it took to open.

    Attributes:
        model: The model.
        tokenizer: Its tokenizer.
        source: What it is called on the command line; ``None`` for the default one.
        import_seconds: How long the imports of the library took.
        load_seconds: How long the files took.
        draft_model: The model that guesses what comes next, if there is one.
        draft_tokenizer: Its tokenizer.
    """

    model: LanguageModel
    tokenizer: Tokenizer
    source: str | None
    import_seconds: float
    load_seconds: float
    draft_model: LanguageModel | None = None
    draft_tokenizer: Tokenizer | None = None


def set_up(options: argparse.Namespace) -> None:
    """Choose threads and device, before anything is computed.

    Args:
        options: With those of `add_computing`.

    Raises:
        ValueError: If there is no such device.
    """
    if options.threads is not None:
        # The library reads it when it first computes.
        os.environ["MLX_SYS_PY_NUM_THREADS"] = str(options.threads)
    import mlx_core_py as mx

    if options.device is not None:
        device = getattr(mx, options.device)
        if mx.device_count(device) == 0:
            raise ValueError(f"--device {options.device}: there is none here that can be used")
        mx.set_default_device(device)


def open_model(
    options: argparse.Namespace, path_or_repo: str | None = None, *, briefly: bool = False
) -> Opened:
    """Load the model that the options name.

    Args:
        options: With those of `add_model`.
        path_or_repo: Another model. Default: ``None``, that of the options.
        briefly: Whether it is for one answer, so that nothing is prepared for more. Default:
            ``False``.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If it is damaged or not supported.
    """
    start = time.perf_counter()
    # All that is made here stays, so that looking for what does not is in vain: for a vocabulary
    # that takes a third of the time.
    gc.disable()
    try:
        set_up(options)
        import mlx_core_py as mx

        from mlx_lm_py.loading.load import load_parts

        imported = time.perf_counter()
        dtype = None if options.dtype is None else getattr(mx, options.dtype)
        source = path_or_repo or options.model
        pages = not briefly
        model, tokenizer, _ = load_parts(source, dtype=dtype, large_pages=pages)
        draft = getattr(options, "draft_model", None)
        guesses: tuple[LanguageModel | None, Tokenizer | None] = (None, None)
        if draft is not None:
            guesses = load_parts(draft, dtype=dtype, large_pages=pages)[:2]
    finally:
        gc.freeze()
        gc.enable()
    loaded = time.perf_counter()
    return Opened(model, tokenizer, source, imported - start, loaded - imported, *guesses)


def prefill_step_size() -> int:
    """How many tokens of a prompt to read at a time.

    Returns:
        The number. A CPU gains nothing from more, and Ctrl-C waits for what has begun.
    """
    import mlx_core_py as mx

    return 128 if mx.default_device().type == mx.cpu else 2048


def seed(options: argparse.Namespace) -> None:
    """Make sampling repeatable, if that is asked for.

    Args:
        options: With those of `add_sampling`.
    """
    import mlx_core_py as mx

    if options.seed is not None:
        mx.random.seed(options.seed)


def sampler_of(options: argparse.Namespace, tokenizer: Tokenizer) -> Sampler:
    """Make what chooses tokens.

    Args:
        options: With those of `add_sampling`.
        tokenizer: That of the model.

    Returns:
        The sampler.

    Raises:
        ValueError: If Mirostat is to choose without a temperature.
    """
    from mlx_lm_py.sampling import make_mirostat, make_sampler

    if options.mirostat:
        if not options.temp:
            raise ValueError("--mirostat needs a --temp above 0")
        return make_mirostat(options.mirostat, options.mirostat_eta, options.temp)
    return make_sampler(
        options.temp,
        options.top_p,
        options.min_p,
        top_k=options.top_k,
        xtc_probability=options.xtc_probability,
        xtc_threshold=options.xtc_threshold,
        # An answer must be able to end, and to have lines.
        xtc_special_tokens=[*tokenizer.eos_token_ids, *tokenizer.encode("\n", False)],
        typical_p=options.typical_p,
        top_n_sigma=options.top_n_sigma,
        dynatemp_range=options.dynatemp_range,
        dynatemp_exponent=options.dynatemp_exponent,
    )


def make_processors(
    options: argparse.Namespace, tokenizer: Tokenizer, prompt_tokens: int
) -> list[LogitsProcessor]:
    """Make the penalties that the options ask for.

    Args:
        options: With those of `add_sampling`.
        tokenizer: That of the model.
        prompt_tokens: The number of tokens of the prompt.

    Returns:
        The processors; none if there are no penalties.

    Raises:
        ValueError: If a token or a bias is no number.
    """
    from mlx_lm_py.sampling import make_dry_penalty, make_logits_processors, make_min_tokens

    size = options.penalty_context
    processors = make_logits_processors(
        _bias(options.logit_bias, tokenizer.vocab_size),
        options.repetition_penalty if options.repetition_penalty != 1 else None,
        size,
        options.presence_penalty or None,
        size,
        options.frequency_penalty or None,
        size,
    )
    if options.dry_multiplier > 0:
        breakers = {i for text in ("\n", ":", '"', "*") for i in tokenizer.encode(text, False)}
        processors.append(
            make_dry_penalty(
                options.dry_multiplier,
                options.dry_base,
                options.dry_allowed_length,
                breakers=breakers,
            )
        )
    if options.min_tokens > 0:
        ends = tokenizer.eos_token_ids
        processors.append(make_min_tokens(options.min_tokens, prompt_tokens, ends))
    return processors


def _bias(values: dict[str, Any], vocab_size: int) -> dict[int, float]:
    bias = {}
    for name, value in values.items():
        if not name.isdecimal() or int(name) >= vocab_size:
            raise ValueError(f"--logit-bias: {name!r} is none of the {vocab_size} tokens")
        if type(value) not in (int, float):
            raise ValueError(f"--logit-bias: the bias of token {name} must be a number")
        bias[int(name)] = float(value)
    return bias


def response_format(options: argparse.Namespace) -> dict[str, Any] | None:
    """What form an answer must have.

    Args:
        options: With those of `add_structure`.

    Returns:
        The ``response_format`` of `stream_generate`; ``None`` for any form.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a schema is no JSON object, or a grammar not UTF-8.
    """
    if options.regex is not None:
        return {"type": "regex", "pattern": options.regex}
    if options.json_schema is not None:
        from mlx_lm_utils_py import read_json

        return {"type": "json_schema", "json_schema": {"schema": read_json(options.json_schema)}}
    if options.grammar is not None:
        path = Path(options.grammar).expanduser()
        syntax = "gbnf" if path.suffix == ".gbnf" else "lark"
        return {"type": "grammar", "definition": read_text(str(path)), "syntax": syntax}
    return None


def template_options(options: argparse.Namespace, tokenizer: Tokenizer) -> dict[str, Any]:
    """What the chat template is given besides the messages.

    Args:
        options: With those of `add_chat`.
        tokenizer: That of the model.

    Returns:
        Options of `Tokenizer.apply_chat_template`.

    Raises:
        OSError: If the file of a template cannot be read.
        ValueError: If there is no template of that name, or the file is not UTF-8.
    """
    given = dict(options.chat_template_args)
    name = options.chat_template
    if name is None:
        return given
    if name not in tokenizer.chat_templates:
        path = Path(name).expanduser()
        if not path.is_file():
            known = ", ".join(sorted(tokenizer.chat_templates)) or "none"
            raise ValueError(
                f"--chat-template: {name!r} is neither a file nor a template of the model "
                f"(it has: {known})"
            )
        name = read_text(str(path))
    return {**given, "chat_template": name}
