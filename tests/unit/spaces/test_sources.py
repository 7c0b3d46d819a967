"""Which source a home's settings name, and what they hand to it."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chiasm.catalog import Catalog
from chiasm.errors import MissingDependencyError, SettingsError
from chiasm.settings import load_settings
from chiasm.spaces import open_source
from chiasm.spaces.gpu import GpuSource, gpu_number
from chiasm.spaces.milvus import MilvusSource, MilvusStore
from chiasm.spaces_url import SpacesUrl


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("faiss:", "faiss:"),
        ("milvus+http://host", "milvus+http://host:19530"),
        ("milvus+http://10.0.0.1:1/museum", "milvus+http://10.0.0.1:1/museum"),
        ("milvus+https://a.example", "milvus+https://a.example:443"),
        ("milvus+http://[::1]:5", "milvus+http://[::1]:5"),
        ("milvus+file:///folder/x.db", "milvus+file:///folder/x.db"),
        ("", "unknown"),
        ("faiss", "unknown"),
        ("milvus://host", "unknown"),
        ("file:///x.db", "unknown"),
        ("milvus+http://", "no host"),
        ("milvus+http://-a", "no host"),
        ("milvus+http://host:0", "no host"),
        ("milvus+http://host:70000", "Port"),
        ("milvus+http://host:x", "Port"),
        ("milvus+http://[::1", "IPv6"),
        ("milvus+http://user:secret@host", "TOKEN"),
        ("milvus+http://host/x.db", "no name"),
        ("milvus+http://host/a/b", "no name"),
        ("milvus+http://host?x=1", "takes no"),
        ("milvus+http://host#x", "takes no"),
        ("milvus+http://ho st", "not a URL"),
        ("milvus+http://host\n", "not a URL"),
        ("milvus+http://" + "a" * 2000, "not a URL"),
        ("milvus+file://x.db", "absolute"),
        ("milvus+file:///x/../y.db", "absolute"),
        ("milvus+file:///x", "absolute"),
    ],
)
def test_urls_of_spaces(text: str, wanted: str) -> None:
    if ":" in wanted:
        assert SpacesUrl.parse(text).text == wanted
        assert SpacesUrl.parse(wanted).text == wanted
    else:
        with pytest.raises(ValueError, match=wanted) as caught:
            SpacesUrl.parse(text)
        assert "secret" not in str(caught.value)


def test_a_setting_that_is_no_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="spaces_url"):
        load_settings(tmp_path, spaces_url="milvus")
    settings = load_settings(tmp_path, spaces_url="milvus+http://host", spaces_token="root:secret")
    assert "secret" not in repr(settings)


def test_settings_name_the_source(catalog: Catalog, tmp_path: Path) -> None:
    assert open_source(load_settings(tmp_path), catalog) is None
    source = open_source(load_settings(tmp_path, spaces_url="milvus+http://host"), catalog)
    assert isinstance(source, MilvusSource), "and nobody was asked yet"


def test_token_and_certificate_are_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pymilvus = pytest.importorskip("pymilvus")
    given: dict[str, Any] = {}

    class Client:
        def __init__(self, uri: str, **options: Any) -> None:
            given.update(options, uri=uri)

        def list_collections(self, timeout: float) -> list[str]:
            return ["other", "chiasm_b", "chiasm_a"]

    monkeypatch.setattr(pymilvus, "MilvusClient", Client)
    settings = load_settings(
        tmp_path,
        spaces_url="milvus+https://host:1/museum",
        spaces_token="root:secret",
        spaces_ca="/ca.pem",
        spaces_timeout_s=3.0,
    )
    assert MilvusStore(settings).names("chiasm_") == ["chiasm_a", "chiasm_b"]
    expected = {
        "uri": "https://host:1",
        "db_name": "museum",
        "token": "root:secret",
        "server_pem_path": "/ca.pem",
        "timeout": 3.0,
    }
    assert given.items() >= expected.items()


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chiasm.spaces.milvus.connection.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError) as caught:
        MilvusStore(load_settings(tmp_path, spaces_url="milvus+http://host")).names("")
    assert caught.value.remedy == "install chiasm[milvus]"


@pytest.mark.parametrize(
    ("device", "gpus", "wanted", "said"),
    [
        ("auto", 2, None, ""),
        ("cpu", 2, None, ""),
        ("cuda", 1, 0, ""),
        ("cuda:1", 2, 1, ""),
        ("cuda:1", 1, None, "finds 1 GPUs"),
        ("cuda", None, None, "faiss-gpu is not installed"),
    ],
)
def test_a_gpu_is_used_only_where_it_is_asked_for_and_there(
    device: str,
    gpus: int | None,
    wanted: int | None,
    said: str,
    catalog: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    has = {} if gpus is None else {"index_cpu_to_gpu": None, "get_num_gpus": lambda: gpus}
    monkeypatch.setattr("chiasm.spaces.gpu.faiss_module", lambda: SimpleNamespace(**has))
    with caplog.at_level(logging.WARNING):
        assert gpu_number(device) == wanted
        source = open_source(load_settings(tmp_path, device=device), catalog)
    assert isinstance(source, GpuSource) == (wanted is not None)
    assert said in " ".join(str(vars(record).get("reason", "")) for record in caplog.records)
