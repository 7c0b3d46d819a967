"""A home as one file and back, and as files that other tools read."""

from chiasm.archive.backup import BackupReport, backup
from chiasm.archive.export import EXPORT_FORMATS, ExportReport, export
from chiasm.archive.restore import RestoreReport, restore
from chiasm.archive.watch import Step, Watch, unwatched

__all__ = [
    "EXPORT_FORMATS",
    "BackupReport",
    "ExportReport",
    "RestoreReport",
    "Step",
    "Watch",
    "backup",
    "export",
    "restore",
    "unwatched",
]
