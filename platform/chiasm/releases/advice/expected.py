"""How long a training will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chiasm.catalog.models import Embedding, Job, Release, ReleaseSpace
from chiasm.fusion.recipe import Recipe
from chiasm.releases.advice.machine import Machine
from chiasm.releases.advice.material import Material
from chiasm.releases.advice.proposal import Proposal

__all__ = ["Expected", "Past", "expected_minutes", "last_training"]

#: Speed (GFLOP/s, all cores) of the machine that the seconds below are of.
_SPEED = 900.0
#: Seconds on it: a text, a picture or sound shown to a student, a step of fusion, tuning the text encoder,
#: and for what is always done. Rough: the whole is what the demo's catalogue takes, shared out as the stages usually are.
_TEXT, _PICTURE, _SOUND, _STEP, _TUNING, _FIXED = 0.001, 0.0027, 0.0004, 0.5, 20.0, 20.0
#: Passes of the students where the recipe leaves them alone, and what a step of theirs shows.
_PASSES: Mapping[str, int] = {"image": 16, "audio": 150, "pairs": 60}
_SHOWN = 64
#: Estimates from afar are right within this factor.
_ROUGH, _NEAR = 3.0, 1.3


@dataclass(frozen=True)
class Past:
    """The last training of a workspace that came to an end."""

    release: str
    recipe: str
    minutes: float
    #: Entities it fused.
    entities: int


@dataclass(frozen=True)
class Expected:
    """Minutes by the clock."""

    minutes: float
    low: float
    high: float
    #: What the estimate stands on.
    by: str

    def to_dict(self) -> dict[str, Any]:
        """The estimate as JSON."""
        return asdict(self)


def last_training(session: Session, workspace_id: int) -> Past | None:
    """The newest training that ended with a release which was built; None for none."""
    ended = (
        select(Job)
        .where(Job.workspace_id == workspace_id, Job.kind == "train", Job.state == "done")
        .where(Job.started_at.is_not(None), Job.finished_at.is_not(None))
        .order_by(Job.id.desc())
        .limit(1)
    )
    job = session.scalar(ended)
    name = str((job.result or {}).get("release", "")) if job is not None else ""
    if job is None or job.started_at is None or job.finished_at is None or not name.startswith("r"):
        return None
    fused = (
        select(func.count(Embedding.item_id))
        .join(ReleaseSpace, ReleaseSpace.space_id == Embedding.space_id)
        .join(Release, Release.id == ReleaseSpace.release_id)
        .where(
            Release.workspace_id == workspace_id,
            Release.number == int(name[1:]),
            ReleaseSpace.kind == "fused",
        )
    )
    entities = session.scalar(fused) or 0
    recipe = str(job.params.get("recipe", ""))
    return Past(name, recipe, (job.finished_at - job.started_at) / 60, entities) if entities else None


def expected_minutes(material: Material, machine: Machine, proposal: Proposal, past: Past | None) -> Expected:
    """How long the proposal will take: as the last training here, else from the machine's speed."""
    everything = material.entities + material.stubs
    if past is not None and past.recipe == proposal.recipe:
        minutes = past.minutes * everything / past.entities
        how = f"{past.release} took {past.minutes:.1f} minutes for {past.entities} entities"
        return _around(minutes, _NEAR, how)
    seconds = _seconds(material, proposal.loaded) * _SPEED / max(machine.gflops, 1e-3)
    how = f"{machine.gflops:.0f} GFLOP/s measured on this CPU; the time of encoding by large encoders is not in it"
    return _around(seconds / 60, _ROUGH, how if proposal.recipe == "pretrained" else how.split(";")[0])


def _seconds(material: Material, recipe: Recipe) -> float:
    """Seconds on a machine of `_SPEED`."""
    seconds = _FIXED + _TEXT * material.text
    if material.text and recipe.encoders.text_tuning is not None:
        seconds += _TUNING
    look, sound, pairs = recipe.encoders.image, recipe.encoders.audio, recipe.encoders.pairs
    alone = material.text or not material.pictured_and_sounding or look.encoder or sound.encoder
    if pairs is not None and not alone:
        # Each item brings one of the other modality along.
        seconds += (_PICTURE + _SOUND) * _shown(material.image + material.audio, pairs, "pairs")
    else:
        if look.encoder is None:
            seconds += _PICTURE * _shown(material.image, look.student, "image")
        if sound.encoder is None:
            seconds += _SOUND * _shown(material.audio, sound.student, "audio")
    views = max(material.entities, material.edges if recipe.tasks.words else 0)
    steps = -(-views // recipe.training.batch) * recipe.training.epochs
    return seconds + _STEP * steps * recipe.training.batch / 256


def _shown(items: int, options: Mapping[str, Any], modality: str) -> int:
    """Items that a student is shown in all, the same one many times."""
    passes = items * int(options.get("epochs", _PASSES[modality]))
    return min(passes, int(options["max_steps"]) * _SHOWN) if "max_steps" in options else passes


def _around(minutes: float, factor: float, how: str) -> Expected:
    return Expected(round(minutes, 1), round(minutes / factor, 1), round(minutes * factor, 1), how)
