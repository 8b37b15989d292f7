"""The local Hub's routes, as the real one answers them.

GET       /api/models/{id}[/revision/{rev}]         what a repository is at a revision
GET       /api/models/{id}/tree/{rev}               its files, with their hashes
HEAD, GET /{id}/resolve/{rev}/{file}                one of them

A data set's begin with /api/datasets/{id} and /datasets/{id}.
"""

from __future__ import annotations

import io
import json
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, unquote, urlsplit

from zoo.testing.faults import Fault
from zoo.testing.repository import Content, Repository, Request, commit_of, etag_of, record, size_of

if TYPE_CHECKING:
    from zoo.testing.local_hub import LocalHub

_CHUNK = 1 << 16
_BODY = "/body/"  # where a redirect to "/" leads


def handler(hub: LocalHub) -> type[BaseHTTPRequestHandler]:
    """The handler of one Hub's requests."""

    class Handler(_Handler):
        pass

    Handler.hub = hub
    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LocalHub

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the Hub keeps its own record."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.hub.log.append(Request(self.command, path, self.headers.get("Range", ""), token))
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        about, redirected = parts[0] == "api", path.startswith(_BODY)
        parts = parts[1:] if about or redirected else parts
        kind = "datasets/" if parts[:1] == ["datasets"] else ""
        parts = parts[1:] if parts[:1] in (["datasets"], ["models"]) else parts
        name, rest = kind + "/".join(parts[:2]), parts[2:]
        if about:
            self.answer_about(name, rest)
        elif rest[:1] == ["resolve"] and len(rest) > 2:
            self.answer_file(name, rest[1], "/".join(rest[2:]), redirected=redirected)
        else:
            self.refuse(200 if path == "/" else 404, "" if path == "/" else "RepoNotFound")

    def found(self, name: str, revision: str) -> tuple[Repository, dict[str, Content]] | None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            self.refuse(404, "RepoNotFound")
            return None
        files = repository.at(revision)
        if files is None:
            self.refuse(404, "RevisionNotFound")
            return None
        return repository, files

    def answer_about(self, name: str, rest: list[str]) -> None:
        kind, revision = (rest[0], rest[1]) if len(rest) > 1 else ("revision", "main")
        if not (there := self.found(name, revision)):
            return
        repository, files = there
        fault = self.hub.due(repository, f"/{kind}")
        if fault.status:
            self.refuse(fault.status, fault.code, fault.retry_after)
            return
        records = [record(file, content) for file, content in sorted(files.items())]
        if kind == "tree":
            body: Any = [_tree_entry(entry) for entry in records]
        else:
            gated = "manual" if repository.gated else False
            body = {
                "id": name.removeprefix("datasets/"),
                "sha": commit_of(files),
                "gated": gated,
                "siblings": records,
            }
        self.send(json.dumps(body).encode() if fault.body is None else fault.body, {}, Fault())

    def answer_file(self, name: str, revision: str, file: str, *, redirected: bool = False) -> None:
        if not (there := self.found(name, revision)):
            return
        repository, files = there
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repository.gated and not redirected and token not in self.hub.tokens:
            self.refuse(403 if token else 401, "GatedRepo")
            return
        if file not in files:
            self.refuse(404, "EntryNotFound")
            return
        content = files[file]
        fault = self.hub.due(repository, file) if self.command == "GET" else repository.faults.get(file, Fault())
        if fault.status:
            self.refuse(fault.status, fault.code, fault.retry_after)
            return
        etag = etag_of(file, content) if fault.etag is None else fault.etag
        headers = {"X-Repo-Commit": commit_of(files), "Accept-Ranges": "bytes"}
        headers |= {"ETag": f'"{etag}"'} if etag else {}
        if fault.redirect and not redirected:
            linked = {"X-Linked-Size": str(size_of(content))} | ({"X-Linked-Etag": f'"{etag}"'} if etag else {})
            here = f"{_BODY}{name}/resolve/{quote(revision, safe='')}/{file}"
            location = here if fault.redirect == "/" else fault.redirect
            self.start(302, headers | linked | {"Location": location, "Content-Length": "0"})
            return
        self.send(content if fault.body is None else fault.body, headers, fault)

    def send(self, content: Content, headers: dict[str, str], fault: Fault) -> None:
        size, status, start = size_of(content), 200, 0
        asked = self.headers.get("Range", "")
        if asked and not fault.ignore_range:
            start = int(asked.removeprefix("bytes=").split("-")[0])
            if start >= size:
                self.refuse(416, "")
                return
            status = 206
            headers |= {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
        length = size - start if fault.length is None else fault.length
        self.start(status, headers | {"Content-Length": str(length)})
        if self.command == "GET":
            with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as body:
                body.seek(start)
                self.pour(body, fault)
        self.close_connection = self.close_connection or length != size - start

    def pour(self, body: BinaryIO, fault: Fault) -> None:
        """The body, until a fault ends it. Counts of a fault are of the bytes of this answer."""
        ends = [at for at in (fault.drop_after, fault.stall_after) if at is not None]
        left = min(ends) if ends else None
        step = max(1, fault.bytes_per_second // 50) if fault.bytes_per_second else _CHUNK
        while chunk := body.read(step if left is None else min(step, left)):
            self.wfile.write(chunk)
            left = None if left is None else left - len(chunk)
            if fault.bytes_per_second:
                self.wfile.flush()
                time.sleep(len(chunk) / fault.bytes_per_second)
        if left == 0:
            self.wfile.flush()
            if fault.stall_after is not None:
                self.hub.closing.wait(fault.stall_s)
            self.close_connection = True

    def refuse(self, status: int, code: str, retry_after: int | None = None) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code} if code else {}
        headers |= {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.start(status, headers | {"Content-Length": "0"})

    def start(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()


def _tree_entry(about: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "file",
        "path": about["rfilename"],
        "size": about["size"],
        "oid": about["blobId"],
    }
    if lfs := about.get("lfs"):
        entry["lfs"] = {"oid": lfs["sha256"], "size": lfs["size"], "pointerSize": lfs["pointerSize"]}
    return entry
