"""The hub: which groups there are, and how a run ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from chiasm.cli import commands
from chiasm.cli.frame import Frame, with_frame
from chiasm.cli.problems import show_error
from chiasm.errors import ChiasmError, UsageError

__all__ = ["app", "main"]

app = typer.Typer(
    name="chiasm",
    help="One searchable space for linked text, images and sound.",
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
commands.register(app)


@app.callback()
@with_frame
def _root(context: typer.Context) -> None:
    """One searchable space for linked text, images and sound."""


#: Base of what typer raises for a wrong command line, wherever its copy of click lies.
_COMMAND_LINE_ERROR: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit status: 0 done, 1 failed, 2 wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    raise SystemExit(_run(given))


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    frame = Frame(as_json=as_json)
    try:
        outcome: Any = app(args=arguments, standalone_mode=False, obj=frame, prog_name="chiasm")
    except ChiasmError as error:
        show_error(error, as_json=as_json)
        return error.exit_status
    except BrokenPipeError:
        # `chiasm ... | head`: the reader has enough; the interpreter must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.Exit as leave:
        return leave.exit_code
    except _COMMAND_LINE_ERROR as error:
        return _wrong_usage(error, as_json)
    finally:
        frame.close()
    return outcome if isinstance(outcome, int) else 0


def _wrong_usage(error: Any, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "chiasm"
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")
        return 2
    what = error.format_message().rstrip(".") or "the command line cannot be understood"
    show_error(UsageError(what, where=command, remedy=f"see `{command} --help`"), as_json=as_json)
    return 2
