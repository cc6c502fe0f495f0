"""What can be told to a chat rather than to the model: lines that begin with a slash."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .opening import seed
from .parser import nearest
from .streams import read_text

if TYPE_CHECKING:
    from mlx_lm_py.generation import GenerationResponse

    from .conversation import Conversation
    from .opening import Opened

__all__ = ["Chat", "names", "run_line"]


def __dir__() -> list[str]:
    return __all__


@dataclass
class Chat:
    """What the commands of a chat work on.

    Attributes:
        conversation: The conversation.
        opened: The model.
        options: Those of the command line, which ``/set`` changes.
        say: Prints a line that is no answer.
        attached: Files whose text goes before the next message.
        last: The end of the latest answer.
        over: Whether the chat is to end.
        shows_reasoning: Whether what the model thinks is shown.
    """

    conversation: Conversation
    opened: Opened
    options: argparse.Namespace
    say: Callable[[str], None]
    attached: str = ""
    last: GenerationResponse | None = None
    over: bool = False
    shows_reasoning: bool = True

    def resume(self, name: str) -> None:
        """Go on with what a file of a prompt cache holds.

        Args:
            name: The file.

        Raises:
            OSError: If it cannot be read.
            ValueError: If it is something else, or that of another model.
        """
        from .kept_prompts import load_kept_prompt

        kept = load_kept_prompt(name, self.opened)
        if kept.tokens is None or kept.text is not None:
            raise ValueError(f"{name} holds no conversation")
        self.attached = self.conversation.resume(kept)


# What `/set` changes; the rest is fixed when the model is loaded.
_SETTINGS = [
    "max_tokens", "min_tokens", "temp", "top_k", "top_p", "min_p", "typical_p", "top_n_sigma",
    "xtc_probability", "xtc_threshold", "dynatemp_range", "dynatemp_exponent", "mirostat",
    "mirostat_eta", "seed", "repetition_penalty", "presence_penalty",
    "frequency_penalty", "penalty_context", "dry_multiplier", "dry_base", "dry_allowed_length",
    "logit_bias", "ngram",
]  # fmt: skip


def run_line(chat: Chat, line: str) -> str | None:
    """Do what a line says.

    Args:
        chat: The chat.
        line: The line, with its slash.

    Returns:
        What is to be said to the model after it; empty to answer the latest message again; ``None``
        for nothing.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If the line makes no sense.
    """
    name, _, rest = line.partition(" ")
    if name not in _COMMANDS:
        raise ValueError(f"unknown command '{name}'{nearest(name, list(_COMMANDS))} (see /help)")
    return _COMMANDS[name][0](chat, rest.strip())


def names() -> list[str]:
    """List the commands.

    Returns:
        Their names.
    """
    return list(_COMMANDS)


def _help(chat: Chat, _: str) -> None:
    for name, (_function, arguments, what) in _COMMANDS.items():
        chat.say(f"{f'{name} {arguments}':<26} {what}")
    chat.say('Several lines: begin and end with """, or Alt+Enter for a new line.')
    chat.say("Ctrl-C stops an answer, Ctrl-D ends the chat.")


def _system(chat: Chat, text: str) -> None:
    if text:
        chat.conversation.system_prompt = None if text == "none" else text
    chat.say(f"system prompt: {chat.conversation.system_prompt or 'none'}")


def _set(chat: Chat, text: str) -> None:
    name, _, value = text.partition(" ")
    key = name.lstrip("-").replace("-", "_")
    if not name:
        for known in _SETTINGS:
            chat.say(f"{known.replace('_', '-'):<20} {getattr(chat.options, known)}")
        return
    if key not in _SETTINGS:
        known_names = [known.replace("_", "-") for known in _SETTINGS]
        raise ValueError(f"there is no setting '{name}'{nearest(name, known_names)} (see /set)")
    if value:
        action = next(a for a in chat.options.parser._actions if a.dest == key)
        try:
            setattr(chat.options, key, action.type(value.strip()))
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"{name}: {error}") from None
        except ValueError:
            raise ValueError(f"{name}: {value.strip()!r} is not a number") from None
        if key == "seed":
            seed(chat.options)
    chat.say(f"{name}: {getattr(chat.options, key)}")


def _clear(chat: Chat, _: str) -> None:
    chat.conversation.clear()
    chat.attached = ""
    chat.say("The conversation begins anew.")


def _undo(chat: Chat, _: str) -> None:
    if not chat.conversation.undo():
        raise ValueError("there is nothing to take back")
    chat.say(f"Taken back; {len(chat.conversation.messages)} messages are left.")


def _regenerate(chat: Chat, _: str) -> str:
    if not chat.conversation.drop_answer():
        raise ValueError("there is nothing to answer")
    return ""


def _path(text: str, command: str) -> Path:
    if not text:
        raise ValueError(f"name a file: {command} FILE")
    return Path(text).expanduser()


def _save(chat: Chat, text: str) -> None:
    path = _path(text, "/save")
    if path.suffix == ".safetensors":
        from .kept_prompts import new_cache_file, save_kept_prompt

        kept = chat.conversation.keep()
        save_kept_prompt(new_cache_file(text), kept, chat.opened.source)
        chat.say(f"Saved to {path}, with the {len(kept.tokens or ())} tokens that were read.")
        return
    chat.conversation.save(path)
    chat.say(f"Saved to {path}.")


def _load(chat: Chat, text: str) -> None:
    path = _path(text, "/load")
    if path.suffix == ".safetensors":
        chat.resume(text)
    else:
        chat.conversation.load(path)
    chat.say(f"{len(chat.conversation.messages)} messages from {path}.")


def _file(chat: Chat, text: str) -> None:
    path = _path(text, "/file")
    content = read_text(str(path))
    chat.attached += f"{path.name}:\n```\n{content.rstrip()}\n```\n\n"
    chat.say(f"{path.name}, {len(content)} characters, goes before your next message.")


def _think(chat: Chat, text: str) -> None:
    if text not in ("", "on", "off", "show", "hide"):
        raise ValueError("/think is on, off, show or hide")
    arguments = chat.options.chat_template_args
    if text in ("on", "off"):
        arguments["enable_thinking"] = text == "on"
    elif text:
        chat.shows_reasoning = text == "show"
    value = arguments.get("enable_thinking")
    how = "as the model does of itself" if value is None else "on" if value else "off"
    chat.say(f"thinking: {how}, {'shown' if chat.shows_reasoning else 'hidden'}")


def _stats(chat: Chat, _: str) -> None:
    if chat.last is not None:
        chat.say(chat.last.statistics)
    used, size = chat.conversation.context
    chat.say(
        f"Context: {used} of {size} tokens, {chat.conversation.cache_bytes / 1e6:.1f} MB of cache; "
        f"{chat.conversation.reused} tokens were not read again"
    )


def _exit(chat: Chat, _: str) -> None:
    chat.over = True


_COMMANDS: dict[str, tuple[Callable[[Chat, str], str | None], str, str]] = {
    "/help": (_help, "", "this list"),
    "/system": (_system, "[TEXT]", "show or change the system prompt; none for none"),
    "/set": (_set, "[NAME [VALUE]]", "show or change how tokens are chosen"),
    "/clear": (_clear, "", "forget the conversation"),
    "/undo": (_undo, "", "take back your latest message and its answer"),
    "/regen": (_regenerate, "", "answer the latest message again"),
    "/save": (
        _save,
        "FILE",
        "write the conversation to a file, with its cache to .safetensors",
    ),
    "/load": (_load, "FILE", "go on with a conversation from a file"),
    "/file": (_file, "FILE", "put the text of a file before your next message"),
    "/think": (_think, "[on|off|show|hide]", "whether a model is to think first, and be seen to"),
    "/stats": (_stats, "", "speed, memory, and how full the context is"),
    "/exit": (_exit, "", "end the chat"),
}
