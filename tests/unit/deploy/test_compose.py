"""The compose file against the product it starts: its commands, its settings, its health checks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from chiasm.cli.app import app
from chiasm.jobs import QUEUES
from chiasm.settings import Settings

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
ONE_SHOT = {"migrate"}
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


def test_has_every_part_of_an_installation() -> None:
    assert set(SERVICES) == {"db", "broker", "migrate", "api", "worker", "worker-gpu", "beat"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_long_running_services_are_checked_and_restarted(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["healthcheck"] == {"disable": True}
        assert service["restart"] == "no"
        return
    check = service["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= set(check)
    assert service["restart"] == "unless-stopped"


def _parse(arguments: list[str]) -> None:
    """Parses a command line as `chiasm` would, without running it."""
    command: Any = get_command(app)
    context = command.make_context("chiasm", list(arguments), resilient_parsing=True)
    rest = list(arguments)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, rest)
        group = hasattr(command, "resolve_command")
        context = command.make_context(name, list(rest), parent=context, resilient_parsing=group)


@pytest.mark.parametrize("name", sorted(OURS))
def test_commands_are_the_products(name: str) -> None:
    _parse([DEFAULT.sub(r"\1", word) for word in OURS[name]["command"]])


def test_health_checks_that_call_the_product_are_its_commands() -> None:
    checks = [service["healthcheck"].get("test", [""]) for service in OURS.values()]
    called = [check[2:] for check in checks if check[:2] == ["CMD", "chiasm"]]
    assert called
    for arguments in called:
        _parse(arguments)


@pytest.mark.parametrize("name", sorted(OURS))
def test_settings_are_known(name: str) -> None:
    known = {f"CHIASM_{field.upper()}" for field in Settings.model_fields}
    assert set(OURS[name]["environment"]) <= known


@pytest.mark.parametrize("name", sorted(OURS))
def test_processes_share_the_home_and_have_no_privileges(name: str) -> None:
    service = OURS[name]
    home = service["environment"]["CHIASM_HOME"]
    assert f"home:{home}" in service["volumes"]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", ["api", "worker", "worker-gpu", "beat"])
def test_waits_for_schema_database_and_broker(name: str) -> None:
    waits = {other: how["condition"] for other, how in OURS[name]["depends_on"].items()}
    assert waits == {
        "db": "service_healthy",
        "broker": "service_healthy",
        "migrate": "service_completed_successfully",
    }


def test_only_the_gpu_worker_reserves_a_device_and_only_when_asked() -> None:
    reserved = {name for name, service in SERVICES.items() if "deploy" in service}
    assert reserved == {"worker-gpu"}
    devices = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]
    assert SERVICES["worker-gpu"]["environment"]["CHIASM_DEVICE"] == "cuda:0"


def test_every_lane_is_served_by_default() -> None:
    lanes = DEFAULT.sub(r"\1", SERVICES["worker"]["command"][-1]).split(",")
    assert sorted(lanes) == sorted(QUEUES)


def test_secrets_come_from_the_environment() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert f"${{{name}:?" in text
        assert f"\n{name}=\n" in "\n" + (DEPLOY / "env.example").read_text(encoding="utf-8")
    variables = set(re.findall(r"(?<!\$)\$\{(\w+)", text)) - {"CHIASM_IMAGE", "CHIASM_GPU_IMAGE"}
    assert variables == set(re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text("utf-8"), re.M))


def test_only_the_service_is_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api": ["${CHIASM_BIND:-127.0.0.1}:8000:8000"]}


def test_named_volumes_exist() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def _compose_plugin() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    asked = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    return asked.returncode == 0


@pytest.mark.skipif(not _compose_plugin(), reason="no docker client with the compose plugin")
def test_docker_accepts_it() -> None:
    environment = {"POSTGRES_PASSWORD": "a", "REDIS_PASSWORD": "b", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    command = ["docker", "compose", "-f", str(DEPLOY / "compose.yaml"), "--profile", "gpu", "config"]
    shown = subprocess.run(
        [*command, "--format", "json"], capture_output=True, text=True, check=True, env=environment
    )
    assert set(json.loads(shown.stdout)["services"]) == set(SERVICES)
