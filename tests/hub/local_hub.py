"""A Hugging Face Hub on loopback, with the routes that downloads by commit use, and faults to order.

    with LocalHub() as hub:
        commit = hub.add("org/name", {"config.json": b"{}"})
        subprocess.run(..., env=os.environ | hub.environment(home))

huggingface_hub reads its environment when it is imported, so what talks to this Hub is another process.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Repository:
    """The files of one repository at its only commit, of which `main` is the branch."""

    files: dict[str, bytes]
    gated: bool = False
    altered: dict[str, bytes] = field(default_factory=dict)  # served in place of the recorded content
    cut: set[str] = field(default_factory=set)  # served as half a body, then the connection ends

    @property
    def commit(self) -> str:
        content = "".join(f"{name}{_sha256(body)}" for name, body in sorted(self.files.items()))
        return hashlib.sha1(content.encode()).hexdigest()

    def record(self, name: str) -> dict:
        """What the Hub says of a file: large ones by sha256, small ones by the id git gives them."""
        body = self.files[name]
        about = {"rfilename": name, "size": len(body), "blobId": _git_oid(body)}
        if name.endswith(".safetensors"):
            about["lfs"] = {"sha256": _sha256(body), "size": len(body), "pointerSize": 134}
        return about

    def etag(self, name: str) -> str:
        about = self.record(name)
        return about["lfs"]["sha256"] if "lfs" in about else about["blobId"]


class LocalHub:
    """Serves `repositories` until the `with` block ends; `requests` lists what was asked, as `'GET /path'`."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> LocalHub:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def add(self, name: str, files: dict[str, bytes], *, gated: bool = False) -> str:
        """Put a repository there, in place of an older one; the commit it is at."""
        self.repositories[name] = Repository(files, gated)
        return self.repositories[name].commit

    def environment(self, home: Path) -> dict[str, str]:
        """The settings under which huggingface_hub talks to this Hub, and keeps its cache in `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
        }


def _handler(hub: LocalHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the hub keeps its own record."""

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{self.command} {path}")
            parts = path.strip("/").split("/")
            about = parts[:2] == ["api", "models"]
            name, rest = ("/".join(parts[2:4]), parts[4:]) if about else ("/".join(parts[:2]), parts[2:])
            repository = hub.repositories.get(name)
            revision = rest[1] if len(rest) > 1 else "main"
            if path == "/":
                self.send(b"", {})
            elif repository is None:
                self.refuse(404, "RepoNotFound")
            elif revision not in ("main", repository.commit):
                self.refuse(404, "RevisionNotFound")
            elif about:
                siblings = [repository.record(file) for file in sorted(repository.files)]
                body = {"id": name, "sha": repository.commit, "siblings": siblings}
                self.send(json.dumps(body).encode(), {"Content-Type": "application/json"})
            elif repository.gated:
                self.refuse(403, "GatedRepo")
            elif "/".join(rest[2:]) not in repository.files:
                self.refuse(404, "EntryNotFound")
            else:
                self.send_file(repository, "/".join(rest[2:]))

        def send_file(self, repository: Repository, name: str) -> None:
            headers = {"X-Repo-Commit": repository.commit, "ETag": f'"{repository.etag(name)}"'}
            body = repository.altered.get(name, repository.files[name])
            self.send(body, headers, cut=name in repository.cut)

        def send(self, body: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
            start = 0
            if asked := self.headers.get("Range"):
                start = int(asked.removeprefix("bytes=").split("-")[0])
                headers |= {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            self.send_response(206 if asked else 200)
            for key, value in {**headers, "Content-Length": str(len(body) - start)}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[start : len(body) // 2 if cut else None])
            self.close_connection = cut

        def refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _git_oid(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
