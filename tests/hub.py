"""A server on this machine that plays the API of the Hugging Face hub, as far as aecli asks it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_who_may_write"  # noqa: S105  # of this server alone

Files = dict[str, bytes]


@dataclass
class Repo:
    """A repository: its files at each commit; the last is `main`."""

    private: bool = False
    gated: bool = False
    card: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Files] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, files: Files) -> str:
        """Add files; the commit's name."""
        before = next(reversed(self.commits.values()), {})
        name = hashlib.sha1(f"{len(self.commits)}".encode()).hexdigest()  # noqa: S324  # as git's
        self.commits[name] = before | files
        return name

    def find(self, revision: str) -> str | None:
        """The commit that a revision stands for."""
        if revision == "main":
            return next(reversed(self.commits), "0" * 40)
        name = self.tags.get(revision, revision)
        return name if name in self.commits else None


class Hub(ThreadingHTTPServer):
    """Its repositories; `large` are the files that came in parts of their own, by sha256."""

    daemon_threads = True
    repos: dict[str, Repo]
    large: dict[str, bytes]
    forged: set[str]
    """Files that are sent with other bytes than the hub says."""
    portal: bytes | None = None
    """What answers instead of the hub, if anything does."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Answers."""

    server: Hub

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if self.server.portal is not None:
            self._send(self.server.portal)
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._info(found[1], found[2] or "main")
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(*found.groups())
        elif found := re.fullmatch("/large/(.+)", path):
            self._send(self.server.large[found[1]])
        else:
            self._refuse(404, "EntryNotFound")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = unquote(urlsplit(self.path).path)
        if path == "/api/validate-yaml":
            self._answer({})
        elif not self._known():
            self._refuse(401, "", "Invalid credentials in Authorization header")
        elif path == "/api/repos/create":
            asked = json.loads(body)
            private = asked.get("visibility") == "private" or asked.get("private", False)
            name = f"{asked['organization']}/{asked['name']}"
            self.server.repos[name] = Repo(private=private)
            self._answer({"url": f"{self.server.url}/{name}"})
        elif re.fullmatch(r"/api/models/.+/preupload/main", path):
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = [{"path": n, "uploadMode": _mode(n), "shouldIgnore": False} for n in names]
            self._answer({"files": modes})
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            for wanted in objects:
                href = f"{self.server.url}/large/{wanted['oid']}"
                wanted["actions"] = {"upload": {"href": href}}
            self._answer({"transfer": "basic", "objects": objects})
        elif found := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            self._commit(found[1], [json.loads(line) for line in body.splitlines()])
        else:
            self._refuse(404, "EntryNotFound")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if found := re.fullmatch("/large/(.+)", self.path):
            self.server.large[found[1]] = body
            self._answer({})
        elif found := re.fullmatch("/api/models/(.+)/settings", self.path):
            settings = json.loads(body)
            private = settings.get("private", settings.get("visibility") == "private")
            self.server.repos[found[1]].private = private
            self._answer({})

    def _info(self, name: str, revision: str) -> None:
        repo = self.server.repos.get(name)
        if self.headers.get("Authorization") not in (None, f"Bearer {TOKEN}"):
            return self._refuse(401, "", "Invalid credentials in Authorization header")
        if repo is None or (repo.private and not self._known()):
            return self._refuse(404 if self._known() else 401, "RepoNotFound")
        if repo.gated:
            return self._refuse(403, "GatedRepo")
        if (commit := repo.find(revision)) is None:
            return self._refuse(404, "RevisionNotFound")
        files = repo.commits.get(commit, {})
        return self._answer(
            {
                "id": name,
                "sha": commit,
                "private": repo.private,
                "cardData": repo.card,
                "siblings": [_sibling(path, content) for path, content in files.items()],
            }
        )

    def _file(self, name: str, revision: str, path: str) -> None:
        content = self.server.repos[name].commits[revision][path]
        if _mode(path) == "regular":
            return self._send(content)
        place = hashlib.sha256(content).hexdigest()
        self.server.large[place] = content[::-1] if path in self.server.forged else content
        self.send_response(302)
        self.send_header("Location", f"/large/{place}")
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def _send(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        files = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
        commit = self.server.repos[name].commit(files)
        url = f"{self.server.url}/{name}/commit/{commit}"
        self._answer({"commitUrl": url, "commitOid": commit})

    def _known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _answer(self, values: dict[str, Any]) -> None:
        body = json.dumps(values).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, code: str, message: str = "") -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Tests stay quiet."""


def _mode(path: str) -> str:
    return "lfs" if path.endswith(".safetensors") else "regular"


def _sibling(path: str, content: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": "0"}
    if _mode(path) == "lfs":
        digest = hashlib.sha256(content).hexdigest()
        facts["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 1}
    return facts


@contextmanager
def running() -> Iterator[Hub]:
    """A hub without repositories."""
    with Hub(("127.0.0.1", 0), Handler) as server:
        server.repos, server.large, server.forged = {}, {}, set()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
