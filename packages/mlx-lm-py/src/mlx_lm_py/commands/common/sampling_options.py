"""Options that say how tokens are chosen."""

from __future__ import annotations

import argparse

from .arguments import integer_in, json_object, number_in

__all__ = ["add_penalties", "add_sampling"]


def __dir__() -> list[str]:
    return __all__


def add_sampling(parser: argparse.ArgumentParser, temp: float, max_tokens: int) -> None:
    """Declare how tokens are chosen.

    Args:
        parser: The parser.
        temp: The default of ``--temp``.
        max_tokens: The default of ``--max-tokens``.
    """
    probability = number_in(0.0, 1.0)
    add = parser.add_argument
    add(
        "-n",
        "--max-tokens",
        type=integer_in(1),
        default=max_tokens,
        metavar="N",
        help="most tokens to generate (default: %(default)s)",
    )
    add(
        "--min-tokens",
        type=integer_in(0),
        default=0,
        metavar="N",
        help="let no answer end before it has N tokens (default: %(default)s)",
    )
    group = parser.add_argument_group("sampling")
    add = group.add_argument
    add(
        "--temp",
        type=number_in(0.0),
        default=temp,
        metavar="T",
        help="sampling temperature; 0 takes the most likely token (default: %(default)s)",
    )
    add(
        "--top-k",
        type=integer_in(0),
        default=0,
        metavar="K",
        help="sample from the K most likely tokens; 0 from all (default: %(default)s)",
    )
    add(
        "--top-p",
        type=probability,
        default=1.0,
        metavar="P",
        help="sample from the most likely tokens that reach this probability "
        "(default: %(default)s)",
    )
    add(
        "--min-p",
        type=probability,
        default=0.0,
        metavar="P",
        help="leave out tokens less likely than this part of the most likely one "
        "(default: %(default)s)",
    )
    add(
        "--typical-p",
        type=probability,
        default=1.0,
        metavar="P",
        help="sample from the tokens of most typical surprise that reach this probability "
        "(default: %(default)s)",
    )
    add(
        "--top-n-sigma",
        type=number_in(0.0),
        default=0.0,
        metavar="N",
        help="leave out tokens whose logits are N deviations below the greatest; 0 none "
        "(default: %(default)s)",
    )
    add(
        "--xtc-probability",
        type=probability,
        default=0.0,
        metavar="P",
        help="how often all likely tokens but the least likely of them are left out "
        "(default: %(default)s)",
    )
    add(
        "--xtc-threshold",
        type=number_in(0.0, 0.5),
        default=0.1,
        metavar="P",
        help="from which probability on a token is likely to XTC (default: %(default)s)",
    )
    add(
        "--dynatemp-range",
        type=number_in(0.0),
        default=0.0,
        metavar="T",
        help="how far the temperature goes below and above --temp, low where the model is certain "
        "(default: %(default)s)",
    )
    add(
        "--dynatemp-exponent",
        type=number_in(0.01),
        default=1.0,
        metavar="X",
        help="the power of the uncertainty with which it rises (default: %(default)s)",
    )
    add(
        "--mirostat",
        type=number_in(0.0),
        default=0.0,
        metavar="TAU",
        help="Mirostat 2: keep the surprise of tokens near TAU, such as 5, instead of all the "
        "above but --temp; 0 does not (default: %(default)s)",
    )
    add(
        "--mirostat-eta",
        type=number_in(0.001, 1.0),
        default=0.1,
        metavar="X",
        help="how fast Mirostat adapts (default: %(default)s)",
    )
    add(
        "-s",
        "--seed",
        type=integer_in(0, 2**64 - 1),
        metavar="N",
        help="makes sampling repeatable (default: random)",
    )
    add_penalties(parser)


def add_penalties(parser: argparse.ArgumentParser) -> None:
    """Declare what makes repetitions rarer.

    Args:
        parser: The parser.
    """
    group = parser.add_argument_group("penalties and bias")
    add = group.add_argument
    add(
        "--repetition-penalty",
        type=number_in(0.01),
        default=1.0,
        metavar="R",
        help="divides the logits of recent tokens; above 1 they become rarer "
        "(default: %(default)s)",
    )
    for name, effect in (
        ("presence", "taken from the logits of recent tokens"),
        ("frequency", "taken from the logits of recent tokens, as often as each was there"),
    ):
        add(
            f"--{name}-penalty",
            type=number_in(-100.0, 100.0),
            default=0.0,
            metavar="X",
            help=f"{effect} (default: %(default)s)",
        )
    add(
        "--penalty-context",
        type=integer_in(1),
        default=64,
        metavar="N",
        help="how many of the latest tokens are recent (default: %(default)s)",
    )
    add(
        "--dry-multiplier",
        type=number_in(0.0),
        default=0.0,
        metavar="X",
        help="DRY, a penalty that grows with the length of what is repeated; 0 none "
        "(default: %(default)s)",
    )
    add(
        "--dry-base",
        type=number_in(1.01),
        default=1.75,
        metavar="X",
        help="by what DRY grows with each token (default: %(default)s)",
    )
    add(
        "--dry-allowed-length",
        type=integer_in(1),
        default=2,
        metavar="N",
        help="from how many repeated tokens on DRY counts (default: %(default)s)",
    )
    add(
        "--logit-bias",
        type=json_object,
        default={},
        metavar="JSON",
        help="what to add to the logits of tokens, by their numbers, such as '{\"17\": -100}'",
    )
