"""Deleting, forgetting and following a folder: commands, a service and its workers as processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chiasm
from chiasm.client import KnowledgeBase
from chiasm.errors import ConflictError, NotFoundError

from .conftest import environment, start_service, stop
from .test_shell import shell

pytestmark = pytest.mark.slow
MARK = "qqZZmarker"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("removal") / "home"
    shell(home, "init")
    with (home / "chiasm.toml").open("a") as config:
        config.write('text_encoder = "hash:text/16"\n')
    return home


def lines(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def keys(home: Path) -> set[str]:
    found = json.loads(shell(home, "search", "anything", "-k", "50", "--json").stdout)
    return {hit["key"] for hit in found["hits"]}


def holding(home: Path, mark: str) -> list[str]:
    return [p.name for p in home.rglob("*") if p.is_file() and mark.encode() in p.read_bytes()]


def test_delete_and_forget_from_the_shell(home: Path, tmp_path: Path) -> None:
    secret = {"key": f"{MARK}:1", "title": f"{MARK} title", "x": 1}
    good = {**secret}
    del good["x"]
    others = [{"key": f"k{n}", "domain": "d" if n < 3 else "e", "title": f"number {n}"} for n in range(6)]
    # The first line fails, with what it holds; then it is mended.
    lines(tmp_path / "bad.jsonl", secret, *others)
    shell(home, "ingest", str(tmp_path / "bad.jsonl"))
    shell(home, "ingest", str(lines(tmp_path / "good.jsonl", good)))
    assert json.loads(shell(home, "delete", "k5", "--json").stdout) == {"deleted": 1}
    assert "say --yes" in shell(home, "delete", "--domain", "d", status=2).stderr
    assert json.loads(shell(home, "delete", "--domain", "d", "--yes", "--json").stdout)["deleted"] == 3
    assert keys(home) == {f"{MARK}:1", "k3", "k4"}
    shell(home, "delete", "k4", "--if-revision", "9", status=1)
    shell(home, "delete", status=2)
    shell(home, "forget", "nobody", status=1)
    assert holding(home, MARK)
    receipt = json.loads(shell(home, "forget", f"{MARK}:1", "--reason", "asked", "--json").stdout)
    assert receipt["state"] == "done" and receipt["counts"]["entities"] == 1
    assert holding(home, MARK) == []
    assert keys(home) == {"k3", "k4"}
    number = str(receipt["receipt"])
    assert json.loads(shell(home, "forget", "--receipt", number, "--json").stdout) == receipt
    shown = shell(home, "forget", "--receipts")
    assert "asked" in shown.stdout and "done" in shown.stdout
    assert "backups" in shell(home, "forget", "--receipt", number).stderr


@pytest.fixture(scope="module")
def remote(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    process, url = start_service(home, tmp_path_factory.mktemp("log") / "serve.log")
    with chiasm.connect(url) as kb:
        yield kb
    stop(process)


@pytest.mark.parametrize("side", ["remote", "embedded"])
def test_both_sides_alike(home: Path, remote: KnowledgeBase, side: str) -> None:
    kb = remote if side == "remote" else chiasm.open(home)
    domain = f"of {side}/x"
    records = ({"key": f"{side}:{n}", "domain": domain, "title": f"thing {n}"} for n in range(1500))
    assert kb.ingest(records).wait(120).result["created"] == 1500
    first = f"{side}:0"
    assert kb.entity(first).revision == 1
    kb.ingest({"key": first, "title": f"{MARK}{side}"}, if_revision=1).wait(60)
    assert kb.entity(first).revision == 2
    stale = kb.ingest([{"key": first, "title": "late", "if_revision": 1}, {"key": f"{side}:1", "title": "x"}])
    (failure,) = stale.wait(60).failures
    assert "has revision 2" in failure.error["what"] and kb.entity(first).title == f"{MARK}{side}"
    with pytest.raises(ConflictError):
        kb.delete(first, if_revision=1)
    asset = kb.entity(f"{side}:2").to_dict()["text"][0]["id"]
    kb.delete_asset(asset)
    assert kb.entity(f"{side}:2").present == []
    kb.delete(f"{side}:3", f"{side}:4")
    receipt = kb.forget(first, reason="r")
    assert receipt["state"] == "done" and kb.receipt(receipt["receipt"]) == receipt
    assert receipt in kb.receipts()
    with pytest.raises(NotFoundError):
        kb.entity(first)
    assert kb.delete_domain(domain).wait(60).result["deleted"] == 1497
    with pytest.raises(NotFoundError):
        kb.delete_domain(domain)
    assert not [row for row in kb.entities() if row["key"].startswith(side)]
    assert holding(home, f"{MARK}{side}") == []
    if side == "embedded":
        kb.close()


def test_following_a_folder(home: Path, tmp_path: Path) -> None:
    folder, log = tmp_path / "in", tmp_path / "watch.log"
    folder.mkdir()
    lines(folder / "first.jsonl", {"key": "w:1", "title": "one"})
    command = [sys.executable, "-m", "chiasm", "ingest", "--watch", str(folder), "--every", "0.2"]
    command += ["--home", str(home), "--json"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment(), stdout=out, stderr=subprocess.PIPE)
    try:
        wait_for(log, 1)
        (folder / "bad.csv").write_text("one,two\n1,2\n")
        lines(folder / "aside.tmp", {"key": "w:2", "title": "two"}, {"key": "w:3", "colour": "red"})
        (folder / "aside.tmp").replace(folder / "second.jsonl")
        wait_for(log, 3)
        time.sleep(1.0)
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and b"Traceback" not in err
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    # Each is told once, however often it was looked at.
    assert len(rows) == 3
    assert rows[0]["state"] == "done" and rows[0]["result"]["created"] == 1
    assert [row["error"] for row in rows if "error" in row] == ["manifest"]
    assert [row["failures"] for row in rows if "job" in row] == [0, 1]
    assert {"w:1", "w:2"} <= keys(home)


def wait_for(log: Path, count: int) -> list[str]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = log.read_text().splitlines()
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(log.read_text())
