"""Every kind of file of a home: which names it has, and the door through which it is used."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from chiasm.archive import restore
from chiasm.catalog import Catalog
from chiasm.catalog.models import Space
from chiasm.errors import DamagedError, StampError
from chiasm.fusion.manifest import read_manifest
from chiasm.fusion.runtime import FusionModel
from chiasm.media import BlobStore
from chiasm.models import ModelCache
from chiasm.settings import Settings, load_settings
from chiasm.spaces import SpaceReader
from chiasm.training import MadeVectors, Snapshot
from chiasm.training.frozen import Judged
from chiasm.training.judge import judge_release
from chiasm.training.loop_state import stored_state
from chiasm.training.run import run_of
from chiasm.upkeep.checks.models import wrong_files
from chiasm_encoders.distil.checkpoint import stored_state as stored_student
from chiasm_encoders.distil.mark import is_finished

__all__ = ["KINDS", "Kind", "Place", "facts_of", "kind_of"]

Door = Callable[["Place"], object]
_RELEASE = r"models/releases/1/r\d+/"
_STUDENT_FILE = r"(text|image|audio)/(?!checkpoint|training_vectors|finished)[\w./]+"


@dataclass(frozen=True)
class Place:
    """A file in a home, and what a sound home said of it."""

    settings: Settings
    name: str
    facts: Mapping[str, str]

    @property
    def path(self) -> Path:
        return self.settings.home / self.name

    @property
    def release(self) -> Path:
        """Folder of the release that the file belongs to."""
        return self.settings.home.joinpath(*Path(self.name).parts[:4])

    @property
    def part(self) -> Path:
        """Folder in the release's that the file belongs to."""
        return self.release / Path(self.name).parts[4]


@dataclass(frozen=True)
class Kind:
    """Files that are used through one door."""

    #: Of the path in the home.
    pattern: str
    #: Uses the file, and raises where it is damaged; None where nothing depends on its bytes.
    door: Door | None
    #: Whether the file is mapped into memory somewhere.
    mapped: bool = False

    def holds(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None


def kind_of(name: str) -> str | None:
    """The kind of a file by its path in the home."""
    return next((kind for kind, one in KINDS.items() if one.holds(name)), None)


def facts_of(home: Path) -> dict[str, str]:
    """What names the run or the model that made a file, by path in the home."""
    found = {}
    for path in home.rglob("*.json"):
        about = json.loads(path.read_bytes())
        if path.name in ("finished.json", "run.json"):
            found[path.relative_to(home).as_posix()] = about["run"]
        elif path.parent.name == "features":
            found[path.relative_to(home).as_posix()] = about["stamp"]
    return found


def _blob(place: Place) -> object:
    return BlobStore(place.settings.blobs_url).get(place.path.name)


def _segment(place: Place) -> object:
    catalog = Catalog.open(place.settings)
    try:
        return SpaceReader(catalog, place.settings.spaces_dir, int(place.path.parts[-3].split("-")[1])).all()
    finally:
        catalog.close()


def _student(place: Place) -> object:
    """As search opens it: by the spec and the stamp of its space."""
    spec = f"student:{place.part.relative_to(place.settings.models_dir)}"
    catalog = Catalog.open(place.settings)
    try:
        with catalog.read() as session:
            stamp = session.scalars(select(Space.stamp).where(Space.encoder == spec)).one()
        return ModelCache(place.settings).encoder(spec, stamp)
    finally:
        catalog.close()


def _judged(place: Place) -> object:
    snapshot = next(place.settings.models_dir.rglob("snapshot/meta.json")).parent
    # The snapshot at hand is of another text encoder, which is said after the files were looked at.
    with suppress(StampError):
        return judge_release(snapshot, place.release)
    return None


def _examined(place: Place) -> object:
    """What no search reads: the doctor and the backup compare it with the manifest."""
    found = wrong_files(place.release, read_manifest(place.release)["files"])
    if found:
        raise DamagedError("differs", where=str(place.release / found[0]), remedy="restore the folder")
    return found


def _restored(place: Place) -> object:
    other = place.settings.home.parent / "restored"
    try:
        return restore(place.path, load_settings(other))
    finally:
        shutil.rmtree(other, ignore_errors=True)


def _made_anew(usable: Callable[[Place], object]) -> Door:
    """What can be made again is not used, and made again."""

    def door(place: Place) -> object:
        found = usable(place)
        if not found:
            raise DamagedError("not used", where=str(place.path), remedy="made again")
        return found

    return door


def _finished(place: Place) -> bool:
    mark = (place.part / "finished.json").relative_to(place.settings.home).as_posix()
    return is_finished(place.part, place.facts[mark])


def _vectors(place: Place) -> object:
    about = Path(place.name).with_suffix(".json")
    return MadeVectors.read(place.release, about.stem, place.facts[about.as_posix()])


KINDS = {
    "blob": Kind(r"blobs/../../[0-9a-f]{64}", _blob),
    "segment: ids": Kind(r"spaces/[\w-]+/\w+/ids\.npy", _segment),
    "segment: feature block": Kind(r"spaces/[\w-]+/\w+/block\.npy", _segment, mapped=True),
    "segment: index": Kind(r"spaces/[\w-]+/\w+/index\.faiss", _segment, mapped=True),
    "segment: manifest": Kind(r"spaces/[\w-]+/\w+/manifest\.json", _segment),
    "release: manifest": Kind(_RELEASE + r"release\.json", lambda place: FusionModel.load(place.release)),
    "release: fusion": Kind(_RELEASE + r"fusion/(model|config)\.\w+", lambda p: FusionModel.load(p.release)),
    "release: words": Kind(
        _RELEASE + r"fusion/(words|fill)\.\w+", lambda place: FusionModel.load(place.release)
    ),
    "release: graph": Kind(_RELEASE + r"graph/model\.\w+", lambda place: FusionModel.load(place.release)),
    "release: scorer": Kind(_RELEASE + r"graph/scorer\.safetensors", _judged),
    "release: queries it was judged on": Kind(
        _RELEASE + r"judge/queries\.json", lambda place: Judged.read(place.release)
    ),
    "release: losses": Kind(r"models/releases/1/r1/losses\.jsonl", _examined),
    "release: encoder": Kind(r"models/releases/1/r1/" + _STUDENT_FILE, _student),
    "release: encoder's training": Kind(
        r"models/releases/1/r1/\w+/(training_vectors\.safetensors|finished\.json)", _examined
    ),
    "training: mark of the run": Kind(
        _RELEASE + r"run\.json", _made_anew(lambda place: run_of(place.path) == place.facts[place.name])
    ),
    # For people to look at while it trains; a torn line ends what is read of it.
    "training: losses": Kind(_RELEASE + r"losses\.jsonl", None),
    "training: checkpoint": Kind(
        _RELEASE + r"checkpoint\.safetensors", _made_anew(lambda place: stored_state(place.path))
    ),
    "training: checkpoint of an encoder": Kind(
        _RELEASE + r"(text|image|audio)/checkpoint\.safetensors",
        _made_anew(lambda place: stored_student(place.path)),
    ),
    "training: encoder that is done": Kind(
        _RELEASE + r"(text|image|audio)/(?!checkpoint)[\w./]+", _made_anew(_finished)
    ),
    "training: vectors": Kind(_RELEASE + r"features/\w+\.safetensors", _made_anew(_vectors)),
    "training: about vectors": Kind(_RELEASE + r"features/\w+\.json", _made_anew(_vectors)),
    "training: snapshot": Kind(
        _RELEASE + r"snapshot/[\w.]+", lambda place: Snapshot.open(place.path.parent), mapped=True
    ),
    "backup": Kind(r"backup\.tar", _restored),
    # Rows are sealed one by one: `test_rows.py`. What tells of commits has no meaning beside being another.
    "catalog": Kind(r"catalog\.sqlite(-wal|-shm|-commits)?", None),
    # The user's own, who may change it.
    "settings": Kind(r"chiasm\.toml", None),
    # Wake-ups, which may be lost, and files whose locks count and not their bytes.
    "queue": Kind(r"queue/.*|spaces/\.\w+", None),
    # What was handed in and is not read yet: a record fails alone, with its line.
    "upload": Kind(r"uploads/.*", None),
}
