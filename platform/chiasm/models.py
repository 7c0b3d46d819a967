"""Loaded models of one process: encoders and fusion models, each opened once and checked by its stamp."""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chiasm.errors import DamagedError, StampError, translated
from chiasm.settings import Settings

if TYPE_CHECKING:
    from chiasm.fusion.runtime import FusionModel
    from chiasm_encoders import Encoder

__all__ = ["ModelCache", "default_encoders", "student_spec"]

_log = logging.getLogger(__name__)
_FOLDER = re.compile(r"student-(text|image|audio)-[0-9a-f]{12}")
_STUDENT = "student:"
#: A process serves the active release and, during a swap, the next one; older ones are dropped.
_MAX_ENCODERS = 8
_MAX_FUSIONS = 3


def default_encoders(settings: Settings) -> dict[str, str]:
    """Encoder specs by modality that answer before the first release."""
    from chiasm_encoders import default_text_spec

    chosen = {
        "text": settings.text_encoder or default_text_spec(),
        "image": settings.image_encoder,
        "audio": settings.audio_encoder,
    }
    return {modality: spec for modality, spec in chosen.items() if spec}


def student_spec(release_folder: str, name: str | None) -> str | None:
    """Spec of a distilled student in a release's folder; None without one.

    Raises:
        DamagedError: The name is none that a student has; it came with a catalog from elsewhere.
    """
    if name is None:
        return None
    if not _FOLDER.fullmatch(name):
        raise DamagedError(
            f"names {name[:80]!r} as a student",
            where=release_folder,
            remedy="distill it again, or restore the catalog from a backup",
        )
    return f"{_STUDENT}{release_folder}/{name}"


class ModelCache:
    """Opens models on first use and keeps the most recent ones; safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._encoders: OrderedDict[str, Encoder] = OrderedDict()
        self._fusions: OrderedDict[str, FusionModel] = OrderedDict()
        #: Whether each student runs here.
        self._runs: dict[str, bool] = {}

    def encoder(self, spec: str, stamp: str | None = None) -> Encoder:
        """The encoder of a spec.

        Args:
            spec: As `chiasm_encoders.load_encoder` takes it; folders of students are relative to the
                models folder of the home.
            stamp: Fingerprint that it must have; None skips the check.

        Raises:
            StampError: The weights found are not those that made the space.
        """
        encoder = self._cached(self._encoders, _MAX_ENCODERS, spec, lambda: self._load_encoder(spec))
        if stamp is not None and encoder.fingerprint != stamp:
            raise StampError(
                f"its fingerprint is {encoder.fingerprint[:12]}, the space was made by {stamp[:12]}",
                where=spec,
                remedy="put the original weights back, or train and promote a release with the new ones",
            )
        return encoder

    def query_encoder(
        self, spec: str, stamp: str, student: str | None = None, student_stamp: str | None = None
    ) -> Encoder:
        """What makes queries for a space: the student that its release distilled for it, else the space's encoder.

        The student answers on a CPU, where it is faster, and where the setting `query_encoder` lets it.

        Args:
            spec: Of the space's encoder.
            stamp: Fingerprint that this must have.
            student: Spec of the student; None where there is none.
            student_stamp: Fingerprint that it must have: that which the release vouched for.

        Raises:
            StampError: The weights found are not those that were declared.
        """
        if student is None or self._settings.query_encoder == "teacher" or not self._student_runs(student):
            return self.encoder(spec, stamp)
        return self.encoder(student, student_stamp)

    def _student_runs(self, student: str) -> bool:
        if student not in self._runs:
            self._runs[student] = self._looked(student)
        return self._runs[student]

    def _looked(self, student: str) -> bool:
        from chiasm_encoders.device import resolve_device
        from chiasm_encoders.onnx_session import has_onnx_runtime

        if resolve_device(self._settings.device).type != "cpu":
            return False
        if not has_onnx_runtime():
            _log.warning(
                "queries are encoded by the release's own encoder: its student needs ONNX Runtime",
                extra={"student": student, "remedy": "pip install 'chiasm[onnx]'"},
            )
        return has_onnx_runtime()

    def fusion(self, folder: str) -> FusionModel:
        """The fusion model in a release's model folder (relative to the models folder)."""
        return self._cached(self._fusions, _MAX_FUSIONS, folder, lambda: self._load_fusion(folder))

    def forget(self) -> None:
        """Drop all loaded models."""
        with self._lock:
            self._encoders.clear()
            self._fusions.clear()

    def _cached(self, kept: OrderedDict[str, Any], room: int, name: str, load: Callable[[], Any]) -> Any:
        # One lock for all: two threads that want the same model must not load it twice.
        with self._lock:
            if name not in kept:
                kept[name] = load()
            kept.move_to_end(name)
            while len(kept) > room:
                kept.popitem(last=False)
            return kept[name]

    def _load_encoder(self, spec: str) -> Encoder:
        from chiasm_encoders import load_encoder

        if spec.startswith(_STUDENT):
            # Joined to an absolute path, the models folder falls away.
            folder = self._settings.models_dir / spec.removeprefix(_STUDENT)
            _verify_student(folder)
            spec = f"{_STUDENT}{folder}"
        with translated():
            return load_encoder(spec, device=self._settings.device)

    def _load_fusion(self, folder: str) -> FusionModel:
        from chiasm.fusion.runtime import FusionModel

        return FusionModel.load(self._settings.models_dir / folder, self._settings.device)


def _verify_student(folder: Path) -> None:
    """Check the files of a student that is part of a release, before any of them is taken for a model."""
    from chiasm.fusion.manifest import RELEASE_FILE, verify_files

    if (folder.parent / RELEASE_FILE).is_file():
        verify_files(folder.parent, f"{folder.name}/")
