"""Completion of commands and options by shells, made from the parsers."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterable, Mapping

from .parser import PROGRAM

__all__ = ["completion"]


def __dir__() -> list[str]:
    return __all__


_FUNCTION = "_" + PROGRAM.replace("-", "_")
_FILES = ("FILE", "PATH", "FOLDER", "PATH_OR_REPO")


def completion(
    shell: str, commands: Mapping[str, str], parsers: Mapping[str, argparse.ArgumentParser]
) -> str:
    """Write what makes a shell complete the command line.

    Args:
        shell: ``"bash"``, ``"zsh"`` or ``"fish"``.
        commands: What each command does.
        parsers: The parser of each command.

    Returns:
        The script, to be sourced by the shell.
    """
    writers: dict[str, Callable[..., Iterable[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    return "\n".join(writers[shell](commands, parsers)) + "\n"


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.option_strings]


def _help(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    formatter = argparse.HelpFormatter(parser.prog)
    text = formatter._expand_help(action) if action.help else ""
    return " ".join(text.split())


def _takes_file(action: argparse.Action) -> bool:
    return action.nargs != 0 and str(action.metavar or "").endswith(_FILES)


def _bash(
    commands: Mapping[str, str], parsers: Mapping[str, argparse.ArgumentParser]
) -> Iterable[str]:
    yield f'# eval "$({PROGRAM} --completion bash)"'
    yield f"{_FUNCTION}() {{"
    yield "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words="
    yield "    COMPREPLY=()"
    yield "    if (( COMP_CWORD == 1 )); then"
    yield f"        words={shlex.quote(' '.join([*commands, '--help', '--version']))}"
    yield '    else case "${COMP_WORDS[1]} $before" in'
    for name, parser in parsers.items():
        for action in _options(parser):
            pattern = "|".join(f'"{name} {option}"' for option in action.option_strings)
            if action.choices:
                choices = shlex.quote(" ".join(map(str, action.choices)))
                yield f"        {pattern}) words={choices} ;;"
            elif _takes_file(action):
                yield f'        {pattern}) COMPREPLY=($(compgen -f -- "$word")); return ;;'
            elif action.nargs != 0:
                yield f"        {pattern}) return ;;"
    for name, parser in parsers.items():
        known = [option for action in _options(parser) for option in action.option_strings]
        yield f'        "{name} "*) words={shlex.quote(" ".join(known))} ;;'
    yield "    esac fi"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$word"))'
    yield "    if (( ${#COMPREPLY[@]} == 0 && COMP_CWORD > 1 )); then"
    yield '        COMPREPLY=($(compgen -f -- "$word"))'
    yield "    fi"
    yield "}"
    yield f"complete -o filenames -F {_FUNCTION} {PROGRAM}"


def _zsh(
    commands: Mapping[str, str], parsers: Mapping[str, argparse.ArgumentParser]
) -> Iterable[str]:
    def escaped(text: str) -> str:
        for character in "\\[]:":
            text = text.replace(character, f"\\{character}")
        return text

    yield f"#compdef {PROGRAM}"
    yield f"# source <({PROGRAM} --completion zsh)"
    yield f"{_FUNCTION}() {{"
    yield "    local -a commands"
    yield "    commands=("
    for name, what in commands.items():
        yield f"        {shlex.quote(f'{name}:{escaped(what)}')}"
    yield "    )"
    yield "    if (( CURRENT == 2 )); then _describe command commands; return; fi"
    yield "    local command=$words[2]"
    yield "    shift words; (( CURRENT-- ))"
    yield "    case $command in"
    for name, parser in parsers.items():
        yield f"        {name}) _arguments \\"
        for action in _options(parser):
            value = ""
            if action.choices:
                value = f":{action.dest}:({' '.join(map(str, action.choices))})"
            elif action.nargs != 0:
                value = f":{action.dest}:{'_files' if _takes_file(action) else ''}"
            for option in action.option_strings:
                spec = f"{option}[{escaped(_help(action, parser))}]{value}"
                yield f"            {shlex.quote(spec)} \\"
        yield "            '*:file:_files' ;;"
    yield "    esac"
    yield "}"
    yield f"compdef {_FUNCTION} {PROGRAM}"


def _fish(
    commands: Mapping[str, str], parsers: Mapping[str, argparse.ArgumentParser]
) -> Iterable[str]:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    yield f"# {PROGRAM} --completion fish | source"
    for name, what in commands.items():
        condition = quoted("__fish_use_subcommand")
        yield f"complete -c {PROGRAM} -f -n {condition} -a {name} -d {quoted(what)}"
    for name, parser in parsers.items():
        for action in _options(parser):
            line = f"complete -c {PROGRAM} -n {quoted(f'__fish_seen_subcommand_from {name}')}"
            for option in action.option_strings:
                line += f" {'-l' if option.startswith('--') else '-s'} {option.lstrip('-')}"
            if action.choices:
                line += f" -x -a {quoted(' '.join(map(str, action.choices)))}"
            elif action.nargs != 0:
                line += " -r" if _takes_file(action) else " -x"
            yield f"{line} -d {quoted(_help(action, parser))}"
