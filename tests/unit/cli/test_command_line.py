"""Commands as a shell sees them: stdout, stderr, exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from chiasm.cli import main
from chiasm.upkeep.checks import CHECKS
from chiasm_migrations import upgrade


class Outcome(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def data(self) -> object:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def _run(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        captured = capsys.readouterr()
        return Outcome(int(caught.value.code or 0), captured.out, captured.err)

    return _run


@pytest.fixture
def home(run: Run) -> Run:
    assert run("init").status == 0
    return run


def test_init_makes_the_default_home_and_twice_does_no_harm(run: Run, tmp_path: Path) -> None:
    assert run("init", "--json").data == {"home": "chiasm-home", "made": True}
    assert (tmp_path / "chiasm-home" / "catalog.sqlite").exists()
    assert run("init", "--json").data == {"home": "chiasm-home", "made": False}


@pytest.mark.parametrize("place", ["before", "after", "environment", "argument"])
def test_the_home_may_be_named_in_four_ways(run: Run, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    if place == "environment":
        monkeypatch.setenv("CHIASM_HOME", "elsewhere")
    arguments = {
        "before": ["--home", "elsewhere", "init"],
        "after": ["init", "--home", "elsewhere"],
        "environment": ["init"],
        "argument": ["init", "elsewhere"],
    }[place]
    assert run(*arguments).status == 0
    assert Path("elsewhere/chiasm.toml").exists()


def test_schema_status_and_upgrade(home: Run) -> None:
    assert home("db", "status").status == 0
    versions = Path(upgrade.__file__).with_name("versions").glob("[0-9]*.py")
    newest = max(path.name[:4] for path in versions)
    assert home("db", "upgrade", "--json").data == {"current": newest, "newest": newest, "up_to_date": True}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["search"], 2, "no part"),
        (["search", "x", "--where", "year >"], 2, "do:"),
        (["search", "x", "--weight", "image"], 2, "key=value"),
        (["search", "x", "--weight", "image=heavy"], 2, "no number"),
        (["search", "--image", "none.png"], 1, "none.png"),
        (["search", "x", "--bogus"], 2, "--bogus"),
        (["search", "x", "-k", "0"], 2, "-k"),
        (["ingest"], 2, "nothing to ingest"),
        (["ingest", "none.jsonl"], 1, "none.jsonl"),
        (["train"], 1, "nothing to train on"),
        (["train", "--promote", "perhaps"], 2, "promote"),
        (["train", "--set", "dim"], 2, "key=value"),
        (["train", "--recipe", "none"], 2, "none"),
        (["evaluate"], 1, "no release is active"),
        (["evaluate", "--report", "none/page.html"], 2, "cannot be written there"),
        (["releases", "show", "r9"], 1, "r9"),
        (["releases", "rollback"], 1, "do:"),
        (["jobs", "show", "7"], 1, "7"),
        (["jobs", "show", "seven"], 2, "ID"),
        (["graph", "show", "zebra"], 1, "zebra"),
        (["graph", "export", "x.xlsx"], 2, ".graphml"),
        (["schedule", "add", "n"], 2, "cron"),
        (["schedule", "add", "n", "--cron", "often"], 2, "often"),
        (["schedule", "add", "n", "--cron", "0 3 * * *", "--timezone", "Mars"], 2, "no time zone"),
        (["schedule", "add", "n\n", "--when-new", "0.1"], 2, "control character"),
        (["schedule", "add", "n", "--when-metric", "x"], 2, "--when-metric"),
        (["schedule", "history", "n"], 1, "no such schedule"),
        (["schedule", "remove", "n"], 1, "no such schedule"),
        (["keys", "create", "n", "--scope", "all"], 2, "scope"),
        (["keys", "create", "\x1b[31mn"], 2, "control character"),
        (["keys", "revoke", "n"], 1, "no key"),
        (["frobnicate"], 2, "frobnicate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_say_what_where_and_what_to_do(
    home: Run, arguments: list[str], status: int, said: str
) -> None:
    shown = home(*arguments)
    assert (shown.status, shown.out) == (status, "") and said in shown.err and "error: " in shown.err
    as_json = home(*arguments, "--json")
    assert as_json.status == status and set(as_json.data) == {"error", "what", "where", "remedy"}


def test_without_a_home_every_command_names_init(run: Run) -> None:
    shown = run("jobs", "list")
    assert shown.status == 1 and "chiasm init" in shown.err


def test_keys(home: Run) -> None:
    made = home("keys", "create", "bob", "--scope", "write")
    secret = made.out.strip()
    assert secret.startswith("chiasm_") and secret not in made.err
    listed = home("keys", "list", "--json")
    assert secret not in listed.out and [row["name"] for row in listed.data] == ["bob"]
    assert home("keys", "create", "bob").status == 1
    assert home("keys", "revoke", "bob", "--json").data["revoked_at"] > 0


def test_schedules(home: Run) -> None:
    added = home("schedule", "add", "nightly", "--cron", "0 3 * * *", "--set", "a=1", "--json").data
    assert added["params"] == {"overrides": {"a": "1"}} and added["job"] == "train"
    assert (added["if_running"], added["if_missed"]) == ("skip", "once")
    assert home("schedule", "pause", "nightly", "--json").data["paused"]
    assert "nightly" in home("schedule", "list").out
    assert home("schedule", "history", "nightly", "--json").data == []
    options = [
        "--when-new",
        "0.1",
        "--when-drift",
        "0.2",
        "--when-metric",
        "hit@10<0.4",
        "--if-running",
        "queue",
    ]
    assert home("schedule", "add", "fresh", *options).status == 0
    assert "when 10% is new or drift is 0.2 or hit@10<0.4" in " ".join(home("schedule", "list").out.split())
    assert home("schedule", "remove", "fresh").status == 0
    assert home("schedule", "remove", "nightly").status == 0
    assert home("schedule", "list", "--json").data == []


def test_feedback(home: Run) -> None:
    told = home("feedback", "accept", "a bell", "zebra")
    assert told.status == 1 and "no such entity" in told.err
    assert home("feedback", "list", "--json").data == []
    assert home("feedback", "list", "--verdict", "maybe").status == 2


def test_notices(home: Run) -> None:
    assert home("notices", "--json").data == [] and home("notices").status == 0


def test_workers(home: Run) -> None:
    assert home("workers", "--json").data == [] and "none" in home("workers").err


def test_empty_lists(home: Run) -> None:
    for command in ("jobs", "releases", "schedule", "keys"):
        assert home(command, "list", "--json").data == []
        assert home(command, "list").status == 0


def test_doctor_of_a_fresh_home(home: Run) -> None:
    found = home("doctor", "--json")
    assert found.status == 0 and found.data["healthy"]
    assert {row["check"] for row in found.data["checks"]} == set(CHECKS)
    assert set(found.data["checks"][0]) == {"check", "level", "what", "remedy", "count", "repaired"}
    assert home("doctor", "--repair").status == 0


def test_an_unknown_setting_is_an_error(home: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHIASM_DATABSE_URL", "x")
    shown = home("jobs", "list")
    assert shown.status == 2 and "CHIASM_DATABSE_URL" in shown.err


@pytest.mark.parametrize("command", [[], ["jobs"], ["search"], ["schedule", "add"]])
def test_help(run: Run, command: list[str]) -> None:
    shown = run(*command, "--help")
    assert shown.status == 0 and "Usage" in shown.out


def test_an_interrupted_wait_leaves_the_job(
    home: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("ingest.submit", "jobs.waiting"):
        monkeypatch.setattr(f"chiasm.{module}.ensure_worker", lambda settings: False)

    def interrupt(self: object, watch: object = None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("chiasm.client.job.Job.wait", interrupt)
    (tmp_path / "x.jsonl").write_text('{"key": "a"}\n')
    shown = home("ingest", "x.jsonl")
    assert shown.status == 130 and "job 1 goes on" in shown.err and "chiasm jobs show 1" in shown.err
    assert home("jobs", "show", "1", "--json").data["state"] == "queued"
    assert home("jobs", "pause", "1", "--json").data == {"job": 1, "state": "paused"}
    assert "job 1 is queued" in home("jobs", "resume", "1").out
    assert home("jobs", "cancel", "1", "--json").data["state"] == "cancelled"


def test_no_wait_prints_the_job(home: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("chiasm.ingest.submit.ensure_worker", lambda settings: False)
    (tmp_path / "x.jsonl").write_text('{"key": "a"}\n')
    assert home("ingest", "x.jsonl", "--no-wait", "--json").data == {"job": 1}
    assert "job 2" in home("ingest", "x.jsonl", "--no-wait").out
