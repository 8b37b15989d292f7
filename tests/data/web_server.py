"""A server of one picture on loopback, which answers, leads on, stalls and lies."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.data.pictures import picture
from zoo.data import web

IMAGE = picture(40, 30)


def encoded():
    file = io.BytesIO()
    IMAGE.save(file, "PNG")
    return file.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Says what the path asks for."""

    def do_GET(self):
        kind, _, rest = self.path.strip("/").partition("/")
        self.server.asked.append((self.path, dict(self.headers)))
        body = encoded()
        if kind == "lead":
            self.send_response(302)
            self.send_header("Location", rest)
            self.end_headers()
        elif kind == "talk":
            self.send_response(302)
            self.send_header("Location", "/cat.png")
            self.end_headers()
            while self.server.talked < 2 * web.MOST_BYTES:
                self.wfile.write(bytes(1 << 20))
                self.server.talked += 1 << 20
        elif kind == "loop":
            self.send_response(302)
            self.send_header("Location", "/loop")
            self.end_headers()
        elif kind == "count":
            self.send_response(301)
            self.send_header("Location", f"/count/{int(rest) - 1}" if rest != "1" else "/cat.png")
            self.end_headers()
        elif kind == "gone":
            self.send_error(404)
        elif kind == "silent":
            self.server.closing.wait(20)
        elif kind == "drip":
            self.answer(b"", len(body))
            for n in range(len(body)):
                self.wfile.write(body[n : n + 1])
                if self.server.closing.wait(0.05):
                    break
        elif kind == "torn":
            self.answer(body[:-20], len(body))
        elif kind == "huge":
            self.answer(b"", web.MOST_BYTES + 1)
        elif kind == "endless":
            self.answer(b"", None)
            while not self.server.closing.is_set():
                self.wfile.write(body)
        elif kind == "page":
            self.answer(b"<html>not a picture</html>", None)
        else:
            self.answer(body, len(body))

    def answer(self, body, length):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        """Clients that hang up are what it is there for."""


@contextmanager
def picture_server():
    """The server, with its `url` and what it was `asked`."""
    made = Server(("127.0.0.1", 0), Handler)
    made.asked, made.talked, made.closing = [], 0, threading.Event()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{made.server_port}"
    yield made
    made.closing.set()
    made.shutdown()
    made.server_close()
    thread.join()
