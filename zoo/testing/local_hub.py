"""A Hugging Face Hub on loopback: real HTTP, the routes that downloads by commit use, and faults to order.

    with LocalHub() as hub:
        commit = hub.add("org/name", {"config.json": b"{}"})
        hub.fault("org/name", "config.json", Fault(drop_after=1, times=2))
        subprocess.run(..., env=os.environ | hub.environment(home))

huggingface_hub reads its environment when it is imported, so what talks to this Hub is another process. Only the
standard library is needed here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path

from zoo.testing.faults import Fault
from zoo.testing.repository import Content, Repository, Request, commit_of
from zoo.testing.routes import handler


class LocalHub:
    """Serves `repositories` until the `with` block ends.

    Attributes:
        repositories: by name: `org/name`, or `datasets/org/name` for a data set.
        tokens: who may read gated repositories.
        log: every request, in the order they came; `requests` has them as `'GET /path'`.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens: set[str] = set()
        self.log: list[Request] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> LocalHub:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> list[str]:
        return [str(request) for request in self.log]

    def add(self, name: str, files: Mapping[str, Content], *, gated: bool = False, branch: str = "main") -> str:
        """Put files into a repository as its newest commit, which is returned; older commits stay.

        Args:
            branch: one beside `main`, which the repository has already.
        """
        before = self.repositories.get(name)
        if branch != "main":
            assert before
            before.branches[branch] = dict(files)
            return commit_of(files)
        older = {**before.older, before.commit: before.files} if before else {}
        branches = before.branches if before else {}
        self.repositories[name] = Repository(dict(files), gated, older=older, branches=branches)
        return self.repositories[name].commit

    def fault(self, name: str, file: str, fault: Fault) -> None:
        """Misbehave for a file of a repository from now on; for the empty file name, for all of it."""
        self.repositories[name].faults[file] = fault

    def due(self, repository: Repository, file: str) -> Fault:
        """The fault to play for this request, which counts as one of its `times`."""
        with self._lock:
            fault = repository.faults.get(file) or repository.faults.get("") or Fault()
            if fault.times is None:
                return fault
            if fault.times <= 0:
                return Fault()
            fault.times -= 1
            return fault

    def environment(self, home: Path) -> dict[str, str]:
        """The settings under which huggingface_hub talks to this Hub, and keeps its cache in `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a stalled request would hold the Hub open
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are what the Hub is there to see."""
