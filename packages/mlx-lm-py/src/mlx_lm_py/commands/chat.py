"""``mlx-lm-py chat``: talk with a model."""

from __future__ import annotations

import argparse
import sys

from .common.cache_options import (
    add_cache,
    add_prompt_cache,
    add_speculation,
    check_guesses,
    kv_options,
    make_caches,
    speculation_options,
)
from .common.opening import (
    make_processors,
    open_model,
    prefill_step_size,
    sampler_of,
    seed,
    template_options,
)
from .common.options import add_chat, add_model, add_stop
from .common.parser import UsageError
from .common.sampling_options import add_sampling
from .common.streams import is_terminal, print_error, styled, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .common.slash_commands import Chat

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Talk with a model. /help lists what else can be said. Of each turn only what is new is read. "
    "From a pipe each line is a message, and only the answers are printed."
)
EXAMPLES = [
    ("mlx-lm-py chat", "talk with the default model"),
    ('mlx-lm-py chat -S "Answer in one sentence." --temp 0', "with instructions"),
    ("mlx-lm-py chat --ngram 3", "with guesses from what was said, for texts that are edited"),
    ("printf 'Hi, I am Ada.\\nWho am I?\\n' | mlx-lm-py chat -n 32", "a conversation from a pipe"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    add_model(parser)
    add_chat(parser)
    add_sampling(parser, temp=0.7, max_tokens=2048)
    add_stop(parser)
    add_prompt_cache(add_cache(parser))
    add_speculation(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answers")
    parser.add_argument(
        "--no-history", action="store_true", help="keep none of the lines for the next time"
    )


def run(options: argparse.Namespace) -> None:
    """Talk until the end of the input.

    Args:
        options: What the parser has read.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If the model is not valid, or has no chat template.
    """
    check_guesses(options, together=False)
    if options.prompt_cache is not None and options.system_prompt is not None:
        raise UsageError("--system-prompt is what the file of --prompt-cache has: leave it away")
    opened = open_model(options)
    template = template_options(options, opened.tokenizer)
    if "chat_template" not in template and not opened.tokenizer.chat_templates:
        raise ValueError(
            "this model has no chat template: give one with --chat-template, or use "
            "mlx-lm-py generate --raw"
        )
    from .common.conversation import Conversation
    from .common.line_input import history_path, make_reader, read_message
    from .common.slash_commands import Chat, names, run_line

    seed(options)
    talks = is_terminal(sys.stdin) and is_terminal(sys.stdout)

    def say(text: str) -> None:
        if talks:
            print(styled(wrapped(text), "2", sys.stdout))
        else:
            print_error(text)

    conversation = Conversation(
        opened.model,
        opened.tokenizer,
        options.system_prompt,
        lambda: make_caches(options, opened.model, opened.draft_model),
    )
    chat = Chat(conversation, opened, options, say)
    if options.prompt_cache is not None:
        chat.resume(options.prompt_cache)
    read = make_reader(names(), None if options.no_history else history_path())
    if talks and not options.quiet:
        say("/help lists commands; Ctrl-C stops an answer, Ctrl-D ends the chat.")
    while not chat.over:
        try:
            text = read_message(read, ">>> ")
        except EOFError:
            if talks:
                print()
            return
        except KeyboardInterrupt:
            if not talks:
                raise
            say("\nCtrl-D or /exit ends the chat.")
            continue
        try:
            to_say = run_line(chat, text) if text.startswith("/") else text or None
            if to_say is not None:
                _answer(chat, to_say, talks)
        except (ArithmeticError, OSError, ValueError) as error:
            if not talks:
                raise
            say(f"error: {' '.join(str(error).split())}")


def _answer(chat: Chat, text: str, talks: bool) -> None:
    options, opened = chat.options, chat.opened
    said = chat.attached + text if text else None
    stream = chat.conversation.answer(
        said,
        template_options(options, opened.tokenizer),
        max_tokens=options.max_tokens,
        sampler=sampler_of(options, opened.tokenizer),
        # Of each turn only what is new is a prompt: the tokens of an answer are counted alone.
        make_processors=lambda count: make_processors(options, opened.tokenizer, count),
        prefill_step_size=prefill_step_size(),
        stop=options.stop,
        **kv_options(options),
        **speculation_options(options, opened),
    )
    chat.last = None
    thinking = False
    try:
        for piece in stream:
            chat.last = piece.response
            chat.attached = ""
            # From a pipe somebody wants the answer, and nothing else.
            if piece.reasoning and talks and chat.shows_reasoning:
                print(styled(piece.reasoning, "2", sys.stdout), end="", flush=True)
                thinking = True
            if piece.text:
                print("\n\n" * thinking + piece.text, end="", flush=True)
                thinking = False
        print(flush=True)
    except KeyboardInterrupt:
        if not talks:
            raise
        print()
        chat.say("stopped")
    finally:
        stream.close()
    if talks and not options.quiet and chat.last is not None:
        used, size = chat.conversation.context
        cut = ", cut off at --max-tokens or the end of the context"
        reason = cut if chat.last.finish_reason == "length" else ""
        chat.say(f"[{used} of {size} tokens, {chat.last.generation_tps:.0f} tokens/s{reason}]")
