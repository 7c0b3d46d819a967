"""The tables, one file a topic."""

from chiasm.catalog.models.base import Base, table_of
from chiasm.catalog.models.changes import Change
from chiasm.catalog.models.content import Asset, Entity, Predicate, Triple
from chiasm.catalog.models.duplicates import DuplicatePair, EntityMerge, Fingerprint, MergePart
from chiasm.catalog.models.feedback import Feedback
from chiasm.catalog.models.notices import Delivery, Notice
from chiasm.catalog.models.receipts import ForgetReceipt
from chiasm.catalog.models.releases import Evaluation, KeptQuery, Release, ReleaseTraffic, ReleaseTrial
from chiasm.catalog.models.spaces import DeadRow, Embedding, ReleaseSpace, Segment, Space
from chiasm.catalog.models.tenancy import ApiKey, Domain, Workspace
from chiasm.catalog.models.work import Failure, Job, Schedule, ScheduleRun, WorkUnit
from chiasm.catalog.models.workers import LiveWorker

__all__ = [
    "ApiKey",
    "Asset",
    "Base",
    "Change",
    "DeadRow",
    "Delivery",
    "Domain",
    "DuplicatePair",
    "Embedding",
    "Entity",
    "EntityMerge",
    "Evaluation",
    "Failure",
    "Feedback",
    "Fingerprint",
    "ForgetReceipt",
    "Job",
    "KeptQuery",
    "LiveWorker",
    "MergePart",
    "Notice",
    "Predicate",
    "Release",
    "ReleaseSpace",
    "ReleaseTraffic",
    "ReleaseTrial",
    "Schedule",
    "ScheduleRun",
    "Segment",
    "Space",
    "Triple",
    "WorkUnit",
    "Workspace",
    "table_of",
]
