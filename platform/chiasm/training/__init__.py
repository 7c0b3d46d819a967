"""Snapshots, splits, the trainer and evaluation; reads no SQL, no queue and no index."""

from chiasm.training.frozen import Judged
from chiasm.training.judge import judge_again, judge_release
from chiasm.training.made import MadeVectors, discard_made
from chiasm.training.progress import STAGES, Progress, Stopped
from chiasm.training.snapshot import Snapshot
from chiasm.training.snapshot_writer import SnapshotWriter
from chiasm.training.splits import split_of, split_together
from chiasm.training.trainer import TrainResult, train

__all__ = [
    "STAGES",
    "Judged",
    "MadeVectors",
    "Progress",
    "Snapshot",
    "SnapshotWriter",
    "Stopped",
    "TrainResult",
    "discard_made",
    "judge_again",
    "judge_release",
    "split_of",
    "split_together",
    "train",
]
