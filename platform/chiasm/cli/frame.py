"""What every command shares: the home, JSON or tables, and the options that say so."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from chiasm.cli.problems import show_interrupt

if TYPE_CHECKING:
    from rich.console import Console

    from chiasm.client import KnowledgeBase
    from chiasm.client.embedded import OpenHome
    from chiasm.settings import Settings

__all__ = ["Frame", "frame_of", "with_frame"]


class Frame:
    """The run of one command: where it works and how it speaks."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.home: Path | None = None
        #: Id of the job that somebody waits for; an interrupt tells how to see it.
        self.waiting_for: int | None = None
        self._open: OpenHome | None = None

    def settings(self) -> Settings:
        """The settings of the home that was named."""
        from chiasm.settings import load_settings

        return load_settings(self.home)

    def open_home(self) -> OpenHome:
        """The home, which must have been made by `chiasm init`."""
        if self._open is None:
            from chiasm.client.embedded import OpenHome, require_home

            settings = self.settings()
            require_home(settings)
            self._open = OpenHome(settings)
        return self._open

    def knowledge_base(self) -> KnowledgeBase:
        """The facade on the home."""
        from chiasm.client import KnowledgeBase
        from chiasm.client.embedded import EmbeddedBackend

        return KnowledgeBase(EmbeddedBackend(self.open_home()))

    def out(self) -> Console:
        """Results."""
        from rich.console import Console

        # A pipe has no width; wrapping there would only cut keys in two.
        width = None if sys.stdout.isatty() else 160
        return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)

    def note(self, text: str) -> None:
        """A line for people, on stderr; silent with `--json`."""
        if not self.as_json:
            sys.stderr.write(text + "\n")

    def answer(self, value: Any) -> None:
        """A result as JSON on stdout."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")

    def line(self, value: Any) -> None:
        """One of many results, as a line of JSON that is there at once."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Give the home back."""
        if self._open is not None:
            self._open.close()
            self._open = None


def frame_of(context: typer.Context) -> Frame:
    """The frame of a running command."""
    frame = context.find_root().obj
    if not isinstance(frame, Frame):
        raise TypeError("commands run through chiasm.cli.main")
    return frame


_INTERRUPTED = 130
_PANEL = "Common options"
_HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="FOLDER",
        help="The home to work in (default: CHIASM_HOME, then ./chiasm-home).",
        rich_help_panel=_PANEL,
    ),
]
_JsonOption = Annotated[
    bool, typer.Option("--json", help="Results and errors as JSON.", rich_help_panel=_PANEL)
]
#: Names no command uses for itself.
_SHARED = {"shared_home": (_HomeOption, None), "shared_json": (_JsonOption, False)}


def with_frame(function: Callable[..., None]) -> Callable[..., None]:
    """The command, which now also takes `--home` and `--json`.

    Args:
        function: Its first parameter is the `typer.Context`.
    """
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)

    @wraps(function)
    def command(
        context: typer.Context, *, shared_home: Path | None, shared_json: bool, **arguments: Any
    ) -> None:
        frame = frame_of(context)
        frame.home = shared_home or frame.home
        frame.as_json = shared_json or frame.as_json
        try:
            function(context, **arguments)
        except KeyboardInterrupt:
            # Here and not in `main`: typer turns it into a silent exit.
            show_interrupt(frame.waiting_for)
            raise typer.Exit(_INTERRUPTED) from None

    own = [item.replace(annotation=hints[item.name]) for item in signature.parameters.values()]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _SHARED.items()
    ]
    # The wrapper's signature is what typer reads; annotations stand there already evaluated.
    vars(command)["__signature__"] = signature.replace(parameters=[*own, *shared])
    command.__annotations__ = {**hints, **{name: kind for name, (kind, _) in _SHARED.items()}}
    return command
