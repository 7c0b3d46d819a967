"""`chiasm db`."""

from __future__ import annotations

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame

__all__ = ["register"]

group = typer.Typer(no_args_is_help=True, help="The catalog's schema.")


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="db")


@group.command("upgrade")
@with_frame
def upgrade(context: typer.Context) -> None:
    """Bring the schema to the newest version."""
    from chiasm.client.embedded import init_home

    frame = frame_of(context)
    # A home that does not exist yet becomes one: `db upgrade` is the first command of a service.
    init_home(frame.settings())
    _show(frame)


@group.command("status")
@with_frame
def status(context: typer.Context) -> None:
    """Say which version the schema has, and which is the newest; exit status 1 if they differ."""
    frame = frame_of(context)
    if not _show(frame):
        raise typer.Exit(1)


def _show(frame: Frame) -> bool:
    from chiasm_migrations.upgrade import schema_status

    found = schema_status(frame.open_home().catalog.engine)
    if frame.as_json:
        frame.answer({"current": found.current, "newest": found.newest, "up_to_date": found.up_to_date})
    elif found.up_to_date:
        frame.out().print(f"schema {found.current}, up to date")
    else:
        frame.out().print(f"schema {found.current or 'none'}, newest is {found.newest}")
        frame.note("run `chiasm db upgrade`")
    return found.up_to_date
