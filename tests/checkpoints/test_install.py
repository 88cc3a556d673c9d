from __future__ import annotations

import json
import os
import pickle
import struct
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import install, store
from aecli.errors import ModelError, UsageError


class Server(ThreadingHTTPServer):
    """Serves `files`.

    Paths in `truncated` stop half-way, whatever length they announced; those in `moved` are
    elsewhere.
    """

    daemon_threads = True
    files: dict[str, bytes]
    truncated: set[str]
    moved: dict[str, str]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        if name in self.server.moved:
            self.send_response(302)
            self.send_header("Location", self.server.moved[name])
            self.end_headers()
            return
        if name not in self.server.files:
            self.send_error(404)
            return
        body = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if name in self.server.truncated else body)

    def log_message(self, *args: object) -> None:
        """Tests stay quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with Server(("127.0.0.1", 0), Handler) as running:
        running.files, running.truncated, running.moved = {}, set(), {}
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def model(tiny_denoiser: Path, tmp_path: Path) -> Path:
    """A model's file that is not installed."""
    return tiny_denoiser.rename(tmp_path / "download.safetensors")


def installed(home: Path) -> list[str]:
    return sorted(p.name for p in (home / "models").iterdir())


def test_a_file_is_added_under_its_own_name(model: Path, home: Path) -> None:
    found = install.add(str(model))
    assert (found.task, found.name) == ("denoise", "tiny")
    assert installed(home) == ["denoise-tiny.json", "denoise-tiny.safetensors"]
    assert found.path.read_bytes() == model.read_bytes()
    assert store.find("denoise", "tiny") == found


def test_a_name_may_be_chosen_and_a_taken_one_is_refused(model: Path, home: Path) -> None:
    install.add(str(model), name="mine")
    with pytest.raises(UsageError, match="'mine' for denoise already"):
        install.add(str(model), name="mine")
    install.add(str(model), name="mine", overwrite=True)
    with pytest.raises(UsageError, match="is not a name"):
        install.add(str(model), name="../up")
    assert installed(home) == ["denoise-mine.json", "denoise-mine.safetensors"]


def test_a_download_with_the_right_checksum_is_added(
    server: Server, model: Path, home: Path
) -> None:
    server.files["m"] = model.read_bytes()
    found = install.add(server.url("m"), sha256=store.sha256(model).upper())
    assert found.path.read_bytes() == model.read_bytes()


def test_the_wrong_checksum_installs_nothing(server: Server, model: Path, home: Path) -> None:
    server.files["m"] = model.read_bytes()
    for source in (server.url("m"), str(model)):
        with pytest.raises(ModelError, match="another sha256 than expected"):
            install.add(source, sha256="0" * 64)
    assert installed(home) == []


def test_something_that_is_no_checksum_is_a_usage_error(model: Path) -> None:
    for text in ("abc", "x" * 64):
        with pytest.raises(UsageError, match="is not a sha256"):
            install.add(str(model), sha256=text)


def test_a_truncated_download_installs_nothing(server: Server, model: Path, home: Path) -> None:
    server.files["m"] = model.read_bytes()
    server.truncated.add("m")
    with pytest.raises(ModelError, match="is incomplete") as raised:
        install.add(server.url("m"))
    assert str(model.stat().st_size) in raised.value.message
    assert installed(home) == []


def test_a_missing_page_and_a_dead_server_are_named(server: Server, home: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot download .*nope: 404"):
        install.add(server.url("nope"))
    with pytest.raises(ModelError, match=r"cannot download http://127\.0\.0\.1:1/m: .*refused"):
        install.add("http://127.0.0.1:1/m")
    with pytest.raises(ModelError, match=r"cannot read .*none\.safetensors: No such file"):
        install.add(str(home / "none.safetensors"))
    assert installed(home) == []


def foreign_safetensors() -> bytes:
    header = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"short",
        bytes(range(256)) * 40,
        pickle.dumps({"weights": [1.0]}),
        foreign_safetensors(),
    ],
    ids=["empty", "short", "random", "pickle", "foreign safetensors"],
)
def test_what_is_not_a_model_is_refused_in_one_line(
    body: bytes, server: Server, tmp_path: Path, home: Path
) -> None:
    server.files["m"] = body
    path = tmp_path / "m.pth"
    path.write_bytes(body)
    for source in (server.url("m"), str(path)):
        with pytest.raises(ModelError, match="is not a model of aecli") as raised:
            install.add(source)
        assert raised.value.message.startswith(source)
        assert "\n" not in raised.value.message
    assert installed(home) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.org/m.safetensors", "by https only"),
        ("ftp://127.0.0.1/m.safetensors", "by https only"),
        ("file:///etc/hostname", "by https only"),
        ("https://example.org/m.safetensors", "is checked against its sha256"),
        ("http://127.0.0.1.example.org/m.safetensors", "by https only"),
    ],
)
def test_downloads_are_encrypted_and_have_a_checksum(url: str, words: str, home: Path) -> None:
    with pytest.raises(UsageError, match=words):
        install.add(url)


def test_no_server_redirects_to_an_open_way(server: Server, model: Path, home: Path) -> None:
    server.files["m"] = model.read_bytes()
    server.moved |= {"near": server.url("m"), "far": "http://example.org/m", "out": "file:///m"}
    assert install.add(server.url("near")).name == "tiny"
    for name, words in (("far", "redirects to http://example.org/m, which is"), ("out", "file:")):
        with pytest.raises(ModelError, match=f"cannot download .*{words}"):
            install.add(server.url(name), overwrite=True)


def test_what_is_too_large_for_a_model_is_not_downloaded(
    server: Server, model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["m"] = model.read_bytes()
    monkeypatch.setattr(install, "MAX_FILE", model.stat().st_size - 1)
    for source in (server.url("m"), str(model)):
        with pytest.raises(ModelError, match="is too large for a model"):
            install.add(source)
    assert installed(home) == []


def test_only_what_loads_is_added(model: Path, home: Path) -> None:
    meta = replace(checkpoints.read_meta(model), config={"widths": [16, 24], "blocks": [1, 2]})
    weights = checkpoints.load(model).module.state_dict()
    checkpoints.save(model, weights, meta)
    with pytest.raises(ModelError, match="does not fit its architecture"):
        install.add(str(model))
    assert installed(home) == []


def test_a_folder_or_device_is_no_model(tmp_path: Path, home: Path) -> None:
    for source in (tmp_path, Path(os.devnull)):
        with pytest.raises(ModelError, match="is not a file"):
            install.add(str(source))
