"""Training tasks, one a file; each takes fused vectors and gives back its loss."""

from chiasm.fusion.tasks.consistency_task import ConsistencyTask
from chiasm.fusion.tasks.domain_task import DomainTask
from chiasm.fusion.tasks.graph_task import GraphTask
from chiasm.fusion.tasks.hard_task import HardTask
from chiasm.fusion.tasks.label_task import LabelTask
from chiasm.fusion.tasks.masked_task import MaskedTask
from chiasm.fusion.tasks.views_task import ViewsTask

__all__ = [
    "ConsistencyTask",
    "DomainTask",
    "GraphTask",
    "HardTask",
    "LabelTask",
    "MaskedTask",
    "ViewsTask",
]
