"""Pictures of the web, fetched where a user asks for them: over http and https alone, within limits."""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from zoo.errors import ZooError

URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
MOST_BYTES = 64 << 20
"""A longer answer is no picture that anyone means."""
REDIRECTS = 5
WAIT_S, WHOLE_S = 15.0, 60.0
"""How long a server may say nothing, and how long all of a picture may take, in seconds."""

_SCHEMES = ("http", "https")
_CHUNK = 64 << 10


@dataclass(frozen=True)
class WebPicture:
    """A picture by its URL, to be fetched when it is read."""

    url: str

    def __str__(self) -> str:
        return self.url

    def fetch(self) -> bytes:
        """What the URL gives; whether that is a picture is for the decoder to say.

        Raises a ZooError that names the URL where it is none of the web, or the server refuses, cannot be reached,
        takes too long, sends less than it announced or more than `MOST_BYTES`, or leads on and on.
        """
        try:
            _check_scheme(self.url)
            headers = {"User-Agent": f"keras-zoo/{version('keras-zoo')}", "Accept-Encoding": "identity"}
            began = time.monotonic()
            with _opener().open(urllib.request.Request(self.url, headers=headers), timeout=WAIT_S) as answer:
                return _body(answer, began)
        except urllib.error.HTTPError as error:
            leads = "it leads on and on, or to what is not the web" if 300 <= error.code < 400 else ""
            raise self._failed(leads or f"the server answers {error.code} ({error.reason})") from error
        except urllib.error.URLError as error:
            raise self._failed(str(error.reason)) from error
        except _UnfitError as error:
            raise self._failed(str(error)) from None
        except (OSError, ValueError, http.client.HTTPException) as error:  # an address that is none, a cut line
            raise self._failed(str(error) or type(error).__name__) from error

    def _failed(self, why: str) -> ZooError:
        return ZooError(f"'{self.url}' could not be fetched.", why=why)


class _UnfitError(Exception):
    """What zoo does not fetch; the argument says why."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, and none to another scheme than the web's, or from https to http."""

    max_redirections = REDIRECTS

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: Any,
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_scheme(newurl)
        if req.type == "https" and urlsplit(newurl).scheme == "http":
            raise _UnfitError("the server leads from https to http")
        fp.close()  # or urllib reads the body of the answer that leads on, however long that is
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Without the handlers of files, FTP and data that urllib has by default."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _Redirects,
    ):
        opener.add_handler(handler())
    return opener


def _check_scheme(url: str) -> None:
    scheme = urlsplit(url).scheme.lower()
    if scheme not in _SCHEMES:
        raise _UnfitError(f"zoo fetches pictures over {' and '.join(_SCHEMES)}, not {scheme or 'nothing'}")


def _body(answer: Any, began: float) -> bytes:
    announced = answer.length
    if announced is not None and announced > MOST_BYTES:
        raise _UnfitError(f"it has {announced:,} bytes, and {MOST_BYTES:,} are the most")
    found = bytearray()
    while chunk := answer.read1(_CHUNK):
        found += chunk
        if len(found) > MOST_BYTES:
            raise _UnfitError(f"it has more than {MOST_BYTES:,} bytes")
        if time.monotonic() - began > WHOLE_S:
            raise _UnfitError(f"it was not there after {WHOLE_S:.0f} seconds")
    if announced is not None and len(found) < announced:
        raise _UnfitError(f"the transfer ended after {len(found):,} of {announced:,} bytes")
    return bytes(found)
