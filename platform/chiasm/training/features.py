"""What a run knows assets by: vectors of the encoders that it has, tunes or trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from chiasm.errors import InputError
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import Visible, visible
from chiasm.training.made import MadeVectors
from chiasm.training.pairs import teaches_pairs, train_pair
from chiasm.training.run import Run
from chiasm.training.students import student_of, train_student
from chiasm.training.texts import tune_text, tuned_of
from chiasm.training.warm_start import WarmStart

__all__ = ["encoders_of", "features_of", "text_spec"]


def features_of(run: Run) -> Dataset:
    """Features of all assets, by a tuned text encoder and by students where the recipe trains them."""
    data = Dataset.read(run.snapshot)
    seen = visible(data, ("valid", "test"))
    made = _tuned_text(run, data, seen)
    if made:
        # Students learn from what the release's own encoder says.
        data = Dataset.read(run.snapshot, made)
    _train_students(run, data, seen)
    run.reporter("features")
    columns = {m: s.shared_columns for m, s in run.students.items() if s.shared_columns is not None}
    made |= {m: s.features for m, s in run.students.items()}
    _keep(run, made)
    if run.parent is not None:
        own = {name: student.fingerprint for name, student in run.students.items()}
        own |= {"text": run.tuned.fingerprint} if run.tuned else {}
        run.parent.check_encoders({**run.snapshot.encoders, **own})
    data = Dataset.read(run.snapshot, made, columns)
    if not len(data.entity):
        raise InputError(
            "no text, picture or sound has features: there is nothing to learn from",
            where=str(run.snapshot.path),
            remedy="ingest texts or media first",
        )
    return data


def _train_students(run: Run, data: Dataset, seen: Visible) -> None:
    """Encoders of pictures and sounds where no pretrained ones are used: the parent's, a pair, or each alone."""
    inherits = run.parent is not None and any(run.parent.has_own(m) for m in ("image", "audio"))
    if not inherits and teaches_pairs(run.snapshot, data, seen, run.recipe):
        run.check()
        run.students |= train_pair(
            run.snapshot,
            data,
            seen,
            run.recipe,
            folder=run.out,
            seed=run.seed,
            report=run.reporter("paired students"),
            stop=run.stop,
            device=run.device,
        )
        return
    for modality, media, encoder in (
        ("image", run.snapshot.images(), run.recipe.encoders.image.encoder),
        ("audio", run.snapshot.waves(), run.recipe.encoders.audio.encoder),
    ):
        if media is None or encoder is not None or modality in data.features:
            continue
        run.check()
        if run.parent is not None and run.parent.has_own(modality):
            kept = run.parent.keep_encoder(modality, run.out)
            run.students[modality] = student_of(modality, run.snapshot, kept)
            continue
        run.students[modality] = train_student(
            modality,
            run.snapshot,
            data,
            seen,
            run.recipe,
            folder=run.out / modality,
            seed=run.seed,
            report=run.reporter(f"{modality} student"),
            stop=run.stop,
            device=run.device,
        )


def _keep(run: Run, made: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Keep the vectors for whoever builds the release's spaces."""
    ids, rows = (run.snapshot.column("assets", name).astype(np.int64) for name in ("id", "row"))
    modality = run.snapshot.column("assets", "modality")
    for name, vectors in made.items():
        mine = np.flatnonzero((modality == name) & (rows >= 0))
        mine = mine[np.argsort(ids[mine])]
        encoder = run.tuned if name == "text" and run.tuned else run.students[name]
        MadeVectors(ids[mine], vectors[rows[mine]]).write(run.out, name, encoder.fingerprint)


def _tuned_text(run: Run, data: Dataset, seen: Visible) -> dict[str, npt.NDArray[np.float32]]:
    """Features of the texts by the encoder tuned to them; empty where none is tuned."""
    options = run.recipe.encoders.text_tuning
    if run.parent is not None:
        return _kept_text(run, run.parent)
    if options is None:
        return {}
    run.check()
    run.tuned = tune_text(
        run.snapshot,
        data,
        seen,
        text_spec(run),
        options,
        folder=run.out / "text",
        seed=run.seed,
        report=run.reporter("text tuning"),
        stop=run.stop,
        device=run.device,
    )
    return {"text": run.tuned.features} if run.tuned else {}


def _kept_text(run: Run, parent: WarmStart) -> dict[str, npt.NDArray[np.float32]]:
    """Features of the texts by the encoder that the parent has tuned; empty where it has none of its own."""
    if not parent.has_own("text") or run.snapshot.features("text") is None:
        return {}
    folder, told = parent.keep_encoder("text", run.out), run.reporter("text tuning")
    run.tuned = tuned_of(run.snapshot, folder, lambda ratio: told(ratio, {}), run.stop, run.device)
    return {"text": run.tuned.features}


def text_spec(run: Run) -> str:
    """Spec of the encoder of the snapshot's text features."""
    from chiasm_encoders import default_text_spec

    return run.text_encoder or run.recipe.encoders.text or default_text_spec()


def encoders_of(run: Run, data: Dataset) -> dict[str, dict[str, Any]]:
    """Spec, fingerprint and dimension of each modality's encoder.

    The spec of a student, and of a tuned encoder, is relative to the release.
    """
    chosen = {
        "text": run.recipe.encoders.text,
        "image": run.recipe.encoders.image.encoder,
        "audio": run.recipe.encoders.audio.encoder,
    }
    result = {}
    for modality in data.modalities:
        student = run.students.get(modality)
        tuned = run.tuned if modality == "text" else None
        own = student or tuned
        result[modality] = {
            "spec": f"student:{modality}" if own else chosen[modality],
            "fingerprint": own.fingerprint if own else run.snapshot.encoders.get(modality),
            "dim": int(np.shape(data.features[modality])[1]),
            "shared_columns": list(student.shared_columns) if student and student.shared_columns else None,
        }
    return result
