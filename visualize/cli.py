"""The command `minicnn`: one sub-command for each thing the house can do.

Wrong input ends with exit code 2 and one line that names the file or option, what is wrong and what would be right.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from .commands import check, class_model, classify, deconv, demo, evaluate, localize, networks, saliency, trace, train
from .commands.common import chosen_engine

COMMANDS = {
    "demo": demo,
    "classify": classify,
    "saliency": saliency,
    "localize": localize,
    "class-model": class_model,
    "trace": trace,
    "deconv": deconv,
    "train": train,
    "evaluate": evaluate,
    "networks": networks,
    "check": check,
}

WRONG_INPUT = (ValueError, OSError, ImportError, LookupError, MemoryError, pickle.UnpicklingError)


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="minicnn",
        description="Deep Inside Convolutional Networks (Simonyan, Vedaldi, Zisserman 2013), by hand, on NumPy.",
        epilog="minicnn COMMAND --help tells more, with an example.",
    )
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
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
    """Run one command; returns the exit code: 0 done, 1 a check failed, 2 wrong input, 130 interrupted."""
    args = build_parser().parse_args(argv)
    command = f"minicnn {args.command}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = lambda message, *_: print(f"{command}: note: {message}", file=sys.stderr)
            with chosen_engine(args):
                code = int(args.run(args) or 0)
            sys.stdout.flush()
            return code
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"{command}: interrupted", file=sys.stderr)
        return 130
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
