"""`chiasm keys`."""

from __future__ import annotations

from typing import Annotated

import typer

from chiasm.cli.frame import frame_of, with_frame

__all__ = ["register"]

group = typer.Typer(no_args_is_help=True, help="Keys of the HTTP API.")
KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Who uses it.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="keys")


@group.command("create")
@with_frame
def create(
    context: typer.Context,
    name: KeyName,
    scope: Annotated[str, typer.Option(help="read, write or admin; each includes the ones before.")] = "read",
) -> None:
    """Make a key and print it; it is kept as a hash only and cannot be shown again."""
    from chiasm.catalog.keys import create_key

    frame = frame_of(context)
    home = frame.open_home()
    workspace = home.catalog.workspace_id(home.settings.workspace)
    with home.catalog.write() as session:
        secret = create_key(session, workspace, name, scope)
    if frame.as_json:
        frame.answer({"name": name, "scope": scope, "key": secret})
    else:
        typer.echo(secret)
        frame.note("keep it now: only its hash is stored")


@group.command("list")
@with_frame
def list_all(context: typer.Context) -> None:
    """Show all keys, without their secrets."""
    from chiasm.catalog.keys import list_keys
    from chiasm.cli.tables import ago, plain_table

    frame = frame_of(context)
    home = frame.open_home()
    workspace = home.catalog.workspace_id(home.settings.workspace)
    with home.catalog.read() as session:
        rows = list_keys(session, workspace)
    if frame.as_json:
        names = ("name", "scope", "created_at", "revoked_at")
        frame.answer([{name: getattr(row, name) for name in names} for row in rows])
        return
    cells = [(row.name, row.scope, ago(row.created_at), ago(row.revoked_at)) for row in rows]
    frame.out().print(plain_table(["name", "scope", "made", "revoked"], cells))


@group.command("revoke")
@with_frame
def revoke(context: typer.Context, name: KeyName) -> None:
    """Let a key open nothing from now on."""
    from chiasm.catalog.keys import revoke_key

    frame = frame_of(context)
    home = frame.open_home()
    workspace = home.catalog.workspace_id(home.settings.workspace)
    with home.catalog.write() as session:
        key = revoke_key(session, workspace, name)
        moment = key.revoked_at
    if frame.as_json:
        frame.answer({"name": name, "revoked_at": moment})
    else:
        frame.out().print(f"{name} opens nothing from now on")
