"""``mlx-lm-py cache-prompt``: read a prompt once, for many answers."""

from __future__ import annotations

import argparse
import sys
import time

from .common.cache_options import add_cache, kv_options, make_caches
from .common.opening import open_model
from .common.options import add_chat, add_model
from .common.parser import UsageError
from .common.requests import Request, to_prompt, uses_template
from .common.streams import is_terminal, progress, read_stdin, read_text

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Read a prompt once and keep what the model has computed of it in a file. 'generate "
    "--prompt-cache' and 'chat --prompt-cache' go on after it: what they are given is the rest of "
    "the message. The file appears when all is in it, or not at all; mlx-lm reads it, too."
)
EXAMPLES = [
    (
        "mlx-lm-py cache-prompt -f README.md readme.safetensors",
        "a long text, for questions: mlx-lm-py generate --prompt-cache readme.safetensors -p …",
    ),
    (
        'mlx-lm-py cache-prompt -S "You are a pirate." -p "" pirate.safetensors',
        "instructions, for talks: mlx-lm-py chat --prompt-cache pirate.safetensors",
    ),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    add = parser.add_argument
    add("output", metavar="OUTPUT", help=".safetensors file to write; it must not exist")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "-p",
        "--prompt",
        metavar="TEXT",
        help="what to read; - reads it from stdin (default: what is piped in)",
    )
    asked.add_argument("-f", "--file", metavar="FILE", help="a text to read; - reads stdin")
    add_model(parser)
    add_chat(parser)
    add("--raw", action="store_true", help="read the text as it is, without a chat template")
    add_cache(parser)
    add("-q", "--quiet", action="store_true", help="say nothing")


def run(options: argparse.Namespace) -> None:
    """Read the prompt and write the file.

    Args:
        options: What the parser has read.

    Raises:
        UsageError: If there is no prompt.
        OSError: If there is no such model, or a file cannot be read or written.
        ValueError: If there is something at the output already, or a file is not valid.
    """
    text = _text(options)
    from .common.kept_prompts import KeptPrompt, new_cache_file, save_kept_prompt
    from .common.reuse import pieces, read_tokens
    from .common.transcript import Transcript

    path = new_cache_file(options.output)
    opened = open_model(options)
    options.prefill = None
    tokens = to_prompt(Request(text, unfinished=True), opened.tokenizer, options)
    if not tokens:
        raise ValueError("there is nothing to read: the prompt has no tokens")
    limit = opened.model.args.context_length
    if len(tokens) >= limit:
        raise ValueError(f"the prompt has {len(tokens)} tokens; the context has room for {limit}")
    cache = make_caches(options, opened.model)
    start = time.perf_counter()
    shown = progress(pieces(tokens), "reading", options.quiet)
    read_tokens(opened.model, shown, cache, **kv_options(options))
    seconds = time.perf_counter() - start
    if uses_template(options, opened.tokenizer):
        said = Transcript([{"role": "user", "content": text}], options.system_prompt)
        kept = KeptPrompt(cache, tokens, said)
    else:
        kept = KeptPrompt(cache, tokens, Transcript(), text)
    save_kept_prompt(new_cache_file(options.output), kept, opened.source)
    if not options.quiet:
        from .common.sizes import size

        print(
            f"{path}: {len(tokens)} tokens, {size(path.stat().st_size)}, read in {seconds:.2f} s, "
            f"{len(tokens) / seconds:.1f} tokens/s"
        )


def _text(options: argparse.Namespace) -> str:
    if options.file is not None:
        return read_text(options.file)
    if options.prompt not in (None, "-"):
        return str(options.prompt)
    if options.prompt is None and is_terminal(sys.stdin):
        raise UsageError(
            "what to read is missing: give --prompt TEXT or --file FILE, or pipe it in"
        )
    return read_stdin().removesuffix("\n")
