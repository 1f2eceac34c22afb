"""The command `minicnn`: one sub-command for each task.

Wrong input ends with exit code 2 and one line that names the file or option, what is wrong and what would be right.
"""

from __future__ import annotations

import argparse
import os
import pickle
import platform
import sys
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

from layers.engine import ENGINES, compiled_is_installed

from .commands.common import chosen_engine
from .commands.opening import opened_at_the_end
from .matplotlib_import import without_users_settings
from .spread import ClusterLost
from .terminal import never_fail

COMMANDS = (
    "demo", "explore", "classify", "saliency", "localize", "class-model", "trace", "deconv",
    "train", "evaluate", "networks", "classes", "check",
)  # fmt: skip

WRONG_INPUT = (ValueError, OSError, ImportError, LookupError, MemoryError, pickle.UnpicklingError)


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, under the command's own name; so are unknown words."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, stray = super().parse_known_args(args, namespace)
        if stray:
            self.error(f"unrecognized arguments: {' '.join(stray)}")
        return found, stray


def refuse_unknown_command(parser: OneLineParser, argv: Sequence[str]) -> None:
    """An error that names the nearest command, if the first word is not a command."""
    word = next((word for word in argv if not word.startswith("-")), None)
    if word is not None and argv[0] == word and word not in COMMANDS:
        nearest = get_close_matches(word, COMMANDS, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"choose from {', '.join(COMMANDS)}"
        parser.error(f"there is no command {word!r}: {hint}")


def versions() -> str:
    """What a bug report should contain: versions of minicnn, Python and NumPy, and the engines that can run here."""
    from importlib.metadata import PackageNotFoundError, version  # takes longer than all other imports here

    engines = ", ".join(name for name in ENGINES if name != "compiled" or compiled_is_installed())
    try:
        ours = version("minicnn")
    except PackageNotFoundError:  # a checkout that was not installed
        ours = "(not installed)"
    return f"minicnn {ours}, Python {platform.python_version()}, NumPy {version('numpy')}; engines: {engines}"


class SayVersions(argparse.Action):
    """Argparse's own "version" action needs its text in advance, and ours takes time to compute."""

    def __init__(self, **options: Any) -> None:
        super().__init__(nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(versions())
        parser.exit()


def build_parser(names: Sequence[str] = COMMANDS) -> OneLineParser:
    """The parser of these commands: all for the help, otherwise the one that is asked for, which starts sooner."""
    parser = OneLineParser(
        prog="minicnn",
        description="Deep Inside Convolutional Networks (Simonyan, Vedaldi, Zisserman 2013), by hand, on NumPy.",
        epilog="minicnn COMMAND --help shows all options and an example.",
    )
    parser.add_argument("--version", action=SayVersions, help="show what a bug report should contain, and exit")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for name in names:
        module: Any = import_module(f".commands.{name.replace('-', '_')}", __package__)
        summary = str(module.__doc__).splitlines()[0]
        command = commands.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            epilog=f"example: {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 done, 1 a check failed or a cluster was lost, 2 wrong input, 130 interrupted
    """
    for stream in (sys.stdout, sys.stderr):
        never_fail(stream)
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser(words[:1] if words and words[0] in COMMANDS else COMMANDS)
    if not words:
        parser.print_help()
        return 0
    refuse_unknown_command(parser, words)
    args = parser.parse_args(words)
    command = f"minicnn {args.command}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = lambda message, *_: print(f"{command}: note: {message}", file=sys.stderr)
            with without_users_settings(), chosen_engine(args), opened_at_the_end(args):
                code = int(args.run(args) or 0)
            sys.stdout.flush()
            return code
    except BrokenPipeError:  # the reader of a pipe, such as `head`, closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"{command}: interrupted", file=sys.stderr)
        return 130
    except ClusterLost as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    except WRONG_INPUT as error:
        print(f"{command}: {one_line(error)}", file=sys.stderr)
        return 2


def one_line(error: BaseException) -> str:
    """What an error says, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    text = " ".join(str(error).split())
    return text or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
