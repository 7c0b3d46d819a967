"""Training tasks, one a file; each takes fused vectors and gives back its loss."""

from chiasm.fusion.tasks.graph_task import GraphTask
from chiasm.fusion.tasks.masked_task import MaskedTask
from chiasm.fusion.tasks.views_task import ViewsTask

__all__ = ["GraphTask", "MaskedTask", "ViewsTask"]
