"""A release as one signed file: from one home into another, which builds its spaces of its own catalogue."""

from chiasm.releases.bundles.exporting import export_release
from chiasm.releases.bundles.importing import import_release
from chiasm.releases.bundles.layout import FORMAT

__all__ = ["FORMAT", "export_release", "import_release"]
