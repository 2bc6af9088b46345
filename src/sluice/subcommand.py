"""What a subcommand of `sluice` is: its name, its function, its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Argument:
    """An argument of a command: its name or flag, its help text, and more options for argparse."""

    name: str
    help: str
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Command:
    """One subcommand: `function` is "module:function", imported when the command runs."""

    name: str
    function: str
    help: str
    arguments: tuple[Argument, ...] = ()
    reads: bool = True
    """Whether it reads the declarations; if so, it has `--include`."""
    passes: bool = False
    """Whether it passes all its arguments on unparsed, options included."""

    def run(self, args: argparse.Namespace) -> int:
        module, _, attribute = self.function.partition(":")
        function: Callable[[argparse.Namespace], int] = getattr(import_module(module), attribute)
        return function(args)


def flag(name: str, help: str) -> Argument:  # noqa: A002 - argparse's word
    """An option without a value."""
    return Argument(name, help, (("action", "store_true"),))


def value(name: str, help: str, metavar: str, **options: Any) -> Argument:  # noqa: A002
    """An option with a value, which the help calls `metavar`."""
    return Argument(name, help, (("metavar", metavar), *options.items()))


def maybe(name: str, help: str, metavar: str) -> Argument:  # noqa: A002
    """An argument that may be left out."""
    return Argument(name, help, (("nargs", "?"), ("metavar", metavar)))
