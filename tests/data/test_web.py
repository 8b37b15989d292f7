"""zoo.data.web: pictures from a real server on loopback, and what is none."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.data.web_server import IMAGE, picture_server
from zoo.data import web
from zoo.data.images import as_images, read_image
from zoo.data.web import WebPicture
from zoo.errors import ZooError


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with picture_server() as server:
        yield server


def fetched(url):
    (raw,) = as_images(url, allow_urls=True)
    return read_image(raw)


def test_a_picture_is_what_its_file_is(server):
    image = fetched(f"{server.url}/cat.png")

    np.testing.assert_array_equal(np.asarray(image), np.asarray(IMAGE))
    ((path, headers),) = server.asked
    assert path == "/cat.png"
    assert headers["User-Agent"].startswith("keras-zoo/")
    assert fetched(f"HTTP{server.url[4:]}/cat.png").size == IMAGE.size
    assert fetched(f"{server.url}/count/4").size == IMAGE.size


def test_the_body_of_an_answer_that_leads_on_is_not_read(server):
    assert fetched(f"{server.url}/talk").size == IMAGE.size
    assert server.talked < web.MOST_BYTES  # but for what lay in buffers


def test_nothing_is_asked_for_unless_it_is_allowed(server):
    with pytest.raises(ZooError, match="is a URL") as told:
        read_image(f"{server.url}/cat.png")
    assert "allow_urls=True" in told.value.fix
    assert not server.asked
    raw = as_images(["cat.png", b"x", f"{server.url}/cat.png"], allow_urls=True)
    assert raw == ["cat.png", b"x", WebPicture(f"{server.url}/cat.png")]
    assert not server.asked


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/gone", "the server answers 404"),
        ("/count/9", "leads on and on"),
        ("/loop", "leads on and on, or to what is not the web"),
        ("/lead/file:///etc/passwd", "leads on and on, or to what is not the web"),
        ("/lead/ftp://127.0.0.1/cat.png", "over http and https, not ftp"),
        ("/torn", "bytes"),
        ("/huge", "are the most"),
        ("/endless", "it has more than 200,000 bytes"),
        ("/silent", "timed out"),
        ("/drip", "it was not there after 1 seconds"),
        ("/page", "is not a picture that can be read"),
    ],
)
def test_what_goes_wrong_is_told_with_the_url(server, monkeypatch, path, why):
    monkeypatch.setattr(web, "MOST_BYTES", 200_000)
    monkeypatch.setattr(web, "WAIT_S", 0.5)
    monkeypatch.setattr(web, "WHOLE_S", 1.0)
    began = time.monotonic()
    with pytest.raises(ZooError) as told:
        fetched(server.url + path)
    assert server.url + path in told.value.what
    assert why in str(told.value)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/x.png",
        "data://x",
        "http://",
        "http://127.0.0.1:99999/",
        "http://[::1/x",
    ],
)
def test_addresses_that_are_none_of_the_web(url):
    with pytest.raises(ZooError) as told:
        fetched(url)
    assert told.value.what == f"'{url}' could not be fetched."
    assert told.value.why[0]


def test_nobody_there(server):
    port = server.server_port
    server.shutdown()
    server.server_close()
    with pytest.raises(ZooError, match="could not be fetched") as told:
        fetched(f"http://127.0.0.1:{port}/cat.png")
    assert "refused" in told.value.why[0]


def test_https_does_not_lead_to_http():
    request = web.urllib.request.Request("https://example.org/cat.png")
    with pytest.raises(web._UnfitError, match="from https to http"):
        web._Redirects().redirect_request(request, None, 302, "", {}, "http://example.org/cat.png")
