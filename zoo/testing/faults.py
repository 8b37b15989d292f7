"""What can go wrong between a Hub and its client, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Fault:
    """How the Hub misbehaves for one file, or for a whole repository. What is left out goes as it should.

    Args:
        times: for how many requests, after which all is well; None means for ever.
        status: answer this HTTP status instead of the file: 401, 404, 429, 500, 503, ...
        code: the `X-Error-Code` that comes with `status`.
        retry_after: seconds to wait, as the header `Retry-After` says them.
        drop_after: end the connection after so many bytes of the body.
        stall_after: send so many bytes of the body, then nothing for `stall_s` seconds.
        bytes_per_second: trickle the body.
        body: other content; of the same length, or of another one.
        length: announce this length, whatever comes.
        etag: another etag; an empty one leaves the header out.
        redirect: send the client to this URL for the body, as the real Hub does for large files; "/" stands for
            this Hub's own store.
        ignore_range: send the whole body to who asks for its end.
    """

    times: int | None = None
    status: int = 0
    code: str = ""
    retry_after: int | None = None
    drop_after: int | None = None
    stall_after: int | None = None
    stall_s: float = 3600.0
    bytes_per_second: int = 0
    body: bytes | None = None
    length: int | None = None
    etag: str | None = None
    redirect: str = ""
    ignore_range: bool = False
