"""A release as one file: equal answers in another home, and nothing of a file that is damaged, foreign or hostile."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from chiasm import ingest
from chiasm.archive.tape import TapeWriter
from chiasm.catalog import Catalog
from chiasm.catalog.models import Job, Release
from chiasm.client import KnowledgeBase
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.errors import ChiasmError, ConflictError, DamagedError, InputError, SettingsError, StampError
from chiasm.releases.bundles import export_release, import_release
from chiasm.releases.bundles.signing import signature_of
from chiasm.settings import Settings, load_settings
from chiasm_migrations.upgrade import upgrade_schema

from .conftest import House

_KEY = "k" * 16 + "0123456789abcdef"
_ASKED = ["a red circle", "wood", "blue bar", "shape"]

Parts = dict[str, bytes]


@pytest.fixture(scope="module")
def sender(house: House) -> House:
    settings = house.settings.model_copy(update={"bundle_key": _KEY})
    return House(settings, house.catalog, house.workspace_id)


@pytest.fixture(scope="module")
def bundle(sender: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("bundle") / "r1.chiasm"
    told = export_release(sender.settings, sender.catalog, sender.workspace_id, "r1", file)
    assert told["bytes"] == file.stat().st_size and told["release"] == "r1"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    return file


@pytest.fixture(scope="module")
def receiver(house: House, toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Another home with the same catalogue and the same text encoder, and nothing trained."""
    home = tmp_path_factory.mktemp("receiver") / "home"
    settings = load_settings(home, text_encoder=house.settings.text_encoder, bundle_key=_KEY)
    catalog = Catalog.open(settings)
    upgrade_schema(catalog.engine)
    other = House(settings, catalog, catalog.workspace_id("default"))
    ingest.submit_ingest(settings, catalog, other.workspace_id, [toys])
    other.work()
    yield other
    catalog.close()


def _state(house: House) -> dict[str, Any]:
    """What an import could leave behind."""
    models = house.settings.models_dir
    with house.catalog.read() as session:
        rows = [session.scalar(select(func.count()).select_from(table)) for table in (Release, Job)]
    return {"rows": rows, "files": sorted(str(p) for p in models.rglob("*")) if models.exists() else []}


def _parts(bundle: Path) -> Parts:
    with tarfile.open(bundle) as tape:
        return {one.name: (tape.extractfile(one) or io.BytesIO()).read() for one in tape.getmembers()}


def _written(parts: Parts, file: Path) -> Path:
    with file.open("wb") as stream:
        tape = TapeWriter(stream)
        for name, data in parts.items():
            tape.add(name, len(data), [data])
        tape.end()
    return file


def _signed(parts: Parts, settings: Settings, **changes: Any) -> Parts:
    header = json.dumps({**json.loads(parts["bundle.json"]), **changes}).encode()
    return {**parts, "bundle.json": header, "signature.json": signature_of(settings, header)}


def _needs(parts: Parts, **changes: Any) -> dict[str, Any]:
    return {"needs": {**json.loads(parts["bundle.json"])["needs"], **changes}}


def _renamed(parts: Parts, settings: Settings, name: str) -> Parts:
    """Signed, with one file under another name."""
    files = json.loads(parts["bundle.json"])["files"]
    old = "fusion/config.json"
    files[name] = files.pop(old)
    moved = {(f"files/{name}" if key == f"files/{old}" else key): data for key, data in parts.items()}
    return _signed(moved, settings, files=files)


def _cut(data: bytes, at: int, instead: bytes = b"?") -> bytes:
    return data[:at] + instead + data[at + 1 :]


#: What is wrong -> made of the parts of a sound bundle, error, what is said.
_HOSTILE: dict[str, tuple[Callable[[Parts, Settings], Parts], type[ChiasmError], str]] = {
    "unsigned": (
        lambda p, s: {name: data for name, data in p.items() if name != "signature.json"},
        InputError,
        "signature.json is missing",
    ),
    "no JSON for a signature": (lambda p, s: {**p, "signature.json": b"[" * 9999}, InputError, "cannot be read"),
    "a signature of another kind": (
        lambda p, s: {**p, "signature.json": b'{"algorithm": "none", "key": "", "signature": ""}'},
        InputError,
        "'none' are not known",
    ),
    "another key": (
        lambda p, s: _signed(p, s.model_copy(update={"bundle_key": "x" * 40})),
        InputError,
        "another key",
    ),
    "a header that was changed": (
        lambda p, s: {**p, "bundle.json": p["bundle.json"].replace(b'"seed": 0', b'"seed": 1')},
        InputError,
        "not of its content",
    ),
    "another format": (lambda p, s: _signed(p, s, format=2), InputError, "format 2"),
    "another kind of file": (lambda p, s: _signed(p, s, kind="backup"), InputError, "of backup is not known"),
    "a byte of the weights": (
        lambda p, s: {**p, "files/fusion/model.safetensors": _cut(p["files/fusion/model.safetensors"], 999)},
        DamagedError,
        "differs from its checksum",
    ),
    "a byte of the card": (lambda p, s: {**p, "card.md": _cut(p["card.md"], 3)}, DamagedError, "checksum"),
    "a file left out": (
        lambda p, s: {name: data for name, data in p.items() if not name.endswith("config.json")},
        DamagedError,
        "is missing",
    ),
    "a file more": (lambda p, s: {**p, "files/more.json": b"{}"}, InputError, "not in its list"),
    "a file elsewhere": (lambda p, s: {**p, "etc/passwd": b"x"}, InputError, "not in its list"),
    "a signed path upwards": (lambda p, s: _renamed(p, s, "../../../evil.json"), InputError, "no place"),
    "a signed path from the root": (lambda p, s: _renamed(p, s, "/tmp/evil.json"), InputError, "no place"),
    "a signed hidden file": (lambda p, s: _renamed(p, s, "fusion/.evil.json"), InputError, "no place"),
    "a signed pickle": (lambda p, s: _renamed(p, s, "fusion/config.pkl"), InputError, "no place"),
    "a signed file of another name": (lambda p, s: _renamed(p, s, "fusion/other.json"), DamagedError, "missing"),
    "unknown predicates": (
        lambda p, s: _signed(p, s, **_needs(p, predicates=["is_a", "zz_unheard_of"])),
        InputError,
        "predicates that nothing here has: .*zz_unheard_of",
    ),
    "another text encoder": (
        lambda p, s: _signed(
            p, s, **_needs(p, encoders={"text": {"spec": None, "fingerprint": "0" * 64, "dim": 8}})
        ),
        StampError,
        "fingerprint",
    ),
    "an encoder that is not here": (
        lambda p, s: _signed(p, s, **_needs(p, encoders={"audio": {"spec": None, "fingerprint": "0", "dim": 8}})),
        StampError,
        "needs an encoder of audio",
    ),
    "an encoder elsewhere": (
        lambda p, s: _signed(
            p, s, **_needs(p, encoders={"text": {"spec": "student:../../x", "fingerprint": "0", "dim": 8}})
        ),
        InputError,
        "no place",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _HOSTILE)
def test_what_is_not_sound_is_refused_and_leaves_nothing(
    bundle: Path, receiver: House, tmp_path: Path, case: str
) -> None:
    make, error, words = _HOSTILE[case]
    file = _written(make(_parts(bundle), receiver.settings), tmp_path / "b.chiasm")
    before = _state(receiver)
    with pytest.raises(error, match=words):
        import_release(receiver.settings, receiver.catalog, receiver.workspace_id, file)
    after = _state(receiver)
    after["files"] = [name for name in after["files"] if Path(name).name not in ("releases", "1")]
    before["files"] = [name for name in before["files"] if Path(name).name not in ("releases", "1")]
    assert after == before and not (tmp_path.parent / "evil.json").exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_a_bundle_that_is_cut_short_is_refused(
    bundle: Path, receiver: House, tmp_path: Path, share: float
) -> None:
    data = bundle.read_bytes()
    file = tmp_path / "short.chiasm"
    file.write_bytes(data[: int(len(data) * share)])
    before = _state(receiver)["rows"]
    with pytest.raises((DamagedError, InputError)):
        import_release(receiver.settings, receiver.catalog, receiver.workspace_id, file)
    assert _state(receiver)["rows"] == before


def test_any_flipped_byte_is_found(bundle: Path, receiver: House, tmp_path: Path) -> None:
    data = bundle.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 60)):
        file = tmp_path / "flipped.chiasm"
        file.write_bytes(_cut(data, at, bytes([data[at] ^ 1])))
        with pytest.raises((DamagedError, InputError)):
            import_release(receiver.settings, receiver.catalog, receiver.workspace_id, file)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_what_is_no_plain_file_is_refused(bundle: Path, receiver: House, tmp_path: Path, kind: bytes) -> None:
    file = tmp_path / "links.chiasm"
    with tarfile.open(file, "w") as tape:
        for name, data in _parts(bundle).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if name == "files/fusion/config.json":
                info.type, info.linkname, info.size = kind, "/etc/passwd", 0
            tape.addfile(info, io.BytesIO(data if info.size else b""))
    with pytest.raises(InputError, match="no plain file"):
        import_release(receiver.settings, receiver.catalog, receiver.workspace_id, file)


def test_a_packed_file_is_no_bundle(bundle: Path, receiver: House, tmp_path: Path) -> None:
    import gzip

    file = tmp_path / "bomb.chiasm"
    file.write_bytes(gzip.compress(bundle.read_bytes()))
    with pytest.raises((InputError, DamagedError)):
        import_release(receiver.settings, receiver.catalog, receiver.workspace_id, file)


@pytest.mark.parametrize("key", ["", "short"])
def test_without_a_key_nothing_is_written_or_read(
    sender: House, bundle: Path, tmp_path: Path, key: str
) -> None:
    bare = sender.settings.model_copy(update={"bundle_key": key})
    with pytest.raises(SettingsError, match="CHIASM_BUNDLE_KEY"):
        export_release(bare, sender.catalog, sender.workspace_id, "r1", tmp_path / "x.chiasm")
    with pytest.raises(SettingsError, match="CHIASM_BUNDLE_KEY"):
        import_release(bare, sender.catalog, sender.workspace_id, bundle)
    assert list(tmp_path.iterdir()) == []


def test_only_a_finished_release_is_written(sender: House, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="it is"):
        export_release(sender.settings, sender.catalog, sender.workspace_id, "r2", tmp_path / "x.chiasm")


def test_equal_answers_in_another_home(sender: House, bundle: Path, receiver: House) -> None:
    job_id = import_release(receiver.settings, receiver.catalog, receiver.workspace_id, bundle)
    receiver.work()
    done = receiver.job(job_id)
    assert (done.state, done.result["state"]) == ("done", "candidate"), done.error
    with KnowledgeBase(EmbeddedBackend(OpenHome(receiver.settings))) as there:
        there.releases.promote(done.result["release"])
        with KnowledgeBase(EmbeddedBackend(OpenHome(sender.settings))) as here:
            assert here.releases.list()[-1]["state"] == "active"
            for words in _ASKED:
                ours, theirs = (
                    {hit.key: hit.score for hit in kb.search(words, k=25)} for kb in (here, there)
                )
                # Vectors are made anew, in other batches and halves of precision: chances differ in the fourth place.
                assert ours.keys() == theirs.keys() and ours
                assert max(abs(score - theirs[key]) for key, score in ours.items()) < 1e-3
                assert next(iter(ours)) == next(iter(theirs))
        shown = there.releases.show(done.result["release"])
        assert shown["metrics"]["release"] == done.result["release"] and shown["recipe"]["name"] == "offline"
