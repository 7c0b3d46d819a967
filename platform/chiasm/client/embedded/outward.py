"""A home written out: as a backup, and as files of exchange."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chiasm.client.embedded.home import OpenHome
from chiasm.client.protocol import JsonDict

if TYPE_CHECKING:
    from chiasm.archive import Watch

__all__ = ["backup_home", "export_home"]


def backup_home(home: OpenHome, file: Path, watch: Watch | None) -> JsonDict:
    """What a backup of the whole home holds."""
    from chiasm.archive import backup, unwatched

    return backup(home.settings, home.catalog, file, watch=watch or unwatched).to_dict()


def export_home(home: OpenHome, workspace_id: int, folder: Path, form: str, watch: Watch | None) -> JsonDict:
    """What an export of a workspace holds."""
    from chiasm.archive import export, unwatched

    report = export(home.settings, home.catalog, workspace_id, folder, form=form, watch=watch or unwatched)
    return report.to_dict()
