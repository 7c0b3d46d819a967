"""Distilled students in a release's folder, and what its manifest says of them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chiasm.errors import translated
from chiasm.fusion.checkpoints import sha256_of
from chiasm.fusion.manifest import SEAL, read_manifest, write_manifest

__all__ = ["placed_student"]


def placed_student(
    folder: Path, modality: str, source: Path, report: Mapping[str, Any], teacher: str, present: str | None
) -> tuple[str, str]:
    """Bring a student into a release; its folder's name and its fingerprint.

    It lies under a name of its own, so whoever uses the present one is not disturbed; those before that go. It counts
    once the catalog names it.

    Args:
        folder: The release's.
        modality: Of the student.
        source: Where it was trained.
        report: Its row in reports.
        teacher: Fingerprint of the encoder that it was distilled from: of the space that it may ask.
        present: Name of the folder that is used until now.

    Raises:
        DamagedError: The release's manifest is damaged.
    """
    from chiasm_encoders import load_encoder
    from chiasm_encoders.student import ONNX_FILES

    with translated():
        stamp = load_encoder(f"student:{source}", device="cpu").fingerprint
    name = f"student-{modality}-{stamp[:12]}"
    target = folder / name
    if not target.is_dir():
        aside = folder / f"{name}.part"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for file in ONNX_FILES:
            if (source / file).is_file():
                shutil.copyfile(source / file, aside / file)
        aside.rename(target)
    manifest = {key: value for key, value in read_manifest(folder).items() if key != SEAL}
    old = {
        path.name
        for path in folder.glob(f"student-{modality}-*")
        if path.is_dir() and path.name not in (name, present)
    }
    files = {file: digest for file, digest in manifest["files"].items() if file.split("/")[0] not in old}
    files |= {f"{name}/{path.name}": sha256_of(path) for path in sorted(target.iterdir())}
    entry = {"spec": f"student:{name}", "fingerprint": stamp, "teacher": teacher, "report": dict(report)}
    students = {**manifest.get("students", {}), modality: entry}
    write_manifest(folder, {**manifest, "files": files, "students": students})
    for one in old:
        shutil.rmtree(folder / one, ignore_errors=True)
    return name, stamp
