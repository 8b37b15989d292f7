"""Pictures small enough to be part of a page."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image

from zoo.data.images import read_image

_EDGE = 128


def thumbnail(raw: Any) -> str:
    """A picture as a data URL of at most 128 pixels on an edge; one that is smaller is drawn in whole multiples."""
    image = read_image(raw)
    grown = _EDGE // max(image.size)
    if grown > 1:
        image = image.resize((image.width * grown, image.height * grown), Image.Resampling.NEAREST)
    image.thumbnail((_EDGE, _EDGE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
