"""Pictures of any kind into RGB images of 8 bits: files, bytes, PIL images and numpy arrays."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from zoo.data.web import URL, WebPicture
from zoo.errors import ZooError, some

MOST_PIXELS = 100_000_000
"""Larger pictures are refused before they are decoded: a small file can hold a picture that fills the memory."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM")
"""What is read of what Pillow knows: other formats start programs (EPS), or have decoders that few have tried."""

EXTENSIONS = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

NAMED = str | Path | WebPicture
"""The pictures that messages can call by what they are given by."""

_KINDS = "Give a path, bytes, an open file, a PIL image, an array (height, width, channels), or a list of them."
_BYTES_OF_16 = 257  # 65,535 / 255


def as_images(raw: Any, *, allow_urls: bool = False) -> list[Any]:
    """One picture, several of them, or a batch `(batch, height, width, channels)`, as a list of pictures.

    Args:
        allow_urls: texts that are URLs are fetched when they are read; else `read_image` refuses them.
    """
    if allow_urls:
        return [WebPicture(one) if isinstance(one, str) and URL.match(one) else one for one in as_images(raw)]
    raw = _as_numpy(raw)
    if isinstance(raw, np.ndarray):
        return list(raw) if raw.ndim == 4 else [raw]
    if isinstance(raw, str | Path | bytes | Image.Image | WebPicture) or hasattr(raw, "read"):
        return [raw]
    if isinstance(raw, Sequence):
        return list(raw)
    raise ZooError(
        f"{type(raw).__name__} is not a picture.",
        fix=_KINDS,
    )


def read_image(
    raw: Any, *, channels: int = 3, name: str = "", shrink: Callable[[tuple[int, int]], float] | None = None
) -> Image.Image:
    """One picture as an image of 8 bits with 3 channels (RGB) or 1 (grey), the way up it is meant to be seen.

    Transparency is dropped, as the references do; of an animation this is the first frame; 16 bits become 8.

    Args:
        raw: a path, the bytes of a file, an open file, a PIL image, an array `(height, width)` or `(height, width,
            channels)` of uint8, uint16, or floats from 0 to 1, that numpy has or takes, or a `WebPicture`.
        name: what messages call it; by default the path or the URL.
        shrink: from the picture's width and height to how many times smaller a decoder may make it. JPEG's does so
            by 2, 4 or 8, and saves most of its work.

    Raises:
        ZooError: it cannot be fetched or read, is damaged, or has more than `MOST_PIXELS` pixels.
    """
    name = name or (f"'{raw}'" if isinstance(raw, NAMED) else "The picture")
    raw = _as_numpy(raw)
    if isinstance(raw, np.ndarray):
        return _converted(_of_array(raw, name), channels)
    if isinstance(raw, Image.Image):
        _check_pixels(raw, name)
        with _reading(name):  # a picture that was opened may not have been decoded yet
            return _converted(ImageOps.exif_transpose(raw), channels)
    if isinstance(raw, WebPicture):
        raw = raw.fetch()
    if isinstance(raw, str) and URL.match(raw):
        raise ZooError(
            f"{name} is a URL, and zoo fetches no pictures by itself.",
            fix="Fetch it first, and give the file's path or its bytes; or allow it, for a prediction: "
            "allow_urls=True, zoo predict --allow-urls.",
        )
    if not isinstance(raw, str) and hasattr(raw, "read"):
        with _reading(name):
            raw = _bytes_of(raw)
    if not isinstance(raw, str | Path | bytes):
        raise ZooError(f"{name} is of the kind {type(raw).__name__}, which is not a picture.", fix=_KINDS)
    with _reading(name), Image.open(_file(raw), formats=FORMATS) as image:
        _check_pixels(image, name)  # nothing is decoded before it is
        if shrink is not None and (factor := shrink(_upright(image))) >= 2:
            image.draft(image.mode, (int(image.width / factor), int(image.height / factor)))
        image.load()
        return _converted(ImageOps.exif_transpose(image), channels)


def measured(raw: str | Path | bytes, *, name: str = "") -> tuple[int, int]:
    """Width and height of a picture, the way up it is meant to be seen, as its header says.

    Raises a ZooError where it is no picture or has too many pixels; damage beyond the header is not seen.
    """
    name = name or (f"'{raw}'" if isinstance(raw, str | Path) else "The picture")
    with _reading(name), Image.open(_file(raw), formats=FORMATS) as image:
        _check_pixels(image, name)
        # Pillow decodes all of a PNG to see whether its EXIF stands behind the pixels, where hardly any has it.
        return image.size if image.format == "PNG" and "exif" not in image.info else _upright(image)


def _file(raw: str | Path | bytes) -> io.BytesIO | Path:
    return io.BytesIO(raw) if isinstance(raw, bytes) else Path(raw).expanduser()


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is stricter
            yield
    except FileNotFoundError as error:
        raise ZooError(f"There is no picture {name}.", fix="Relative paths start where the command did.") from error
    except IsADirectoryError as error:
        raise ZooError(
            f"{name} is a folder, and one picture is needed.",
            fix="Give its pictures: in Python a list of them, such as sorted(Path(folder).glob('*.jpg')); "
            "zoo predict takes folders.",
        ) from error
    except UnidentifiedImageError as error:
        raise ZooError(
            f"{name} is not a picture that can be read, or is empty.", fix=f"zoo reads {some(FORMATS)}."
        ) from error
    except Image.DecompressionBombError as error:
        raise _bomb(name) from error
    except ZooError:
        raise
    except Exception as error:  # the decoders raise whatever the damage leads to
        raise ZooError(
            f"{name} is damaged or cannot be read.", why=str(error), fix="Save it anew, or leave it out."
        ) from error


def _check_pixels(image: Image.Image, name: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _bomb(name, f"{image.width:,} x {image.height:,}")


def _bytes_of(file: Any) -> bytes:
    """All of an open file, wherever it stands, so that it may be read again."""
    if getattr(file, "seekable", bool)():
        file.seek(0)
    content = file.read()
    if not isinstance(content, bytes):
        raise TypeError("it is open as text; open it with 'rb'")
    return content


def _upright(image: Image.Image) -> tuple[int, int]:
    """Width and height once the camera's turn is undone."""
    turned = image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)  # damaged tags hold anything
    return (image.height, image.width) if turned else image.size


def _bomb(name: str, size: str = "") -> ZooError:
    return ZooError(
        f"{name} has too many pixels{f': {size}' if size else ''}.",
        why=f"zoo decodes no picture of more than {MOST_PIXELS:,}; a small file can hold one that fills the memory",
        fix="Make it smaller first, or cut it into parts.",
    )


def _as_numpy(raw: Any) -> Any:
    """An array of another library, such as jax's, as numpy's; all else as it is."""
    return np.asarray(raw) if hasattr(raw, "__array__") and hasattr(raw, "ndim") else raw


def _of_array(array: np.ndarray, name: str) -> Image.Image:
    shape = array.shape
    if not (array.ndim == 2 or (array.ndim == 3 and shape[2] in (1, 3, 4))) or 0 in shape:
        raise ZooError(
            f"{name} is an array of shape {shape}.",
            why="a picture is (height, width), or (height, width, channels) with 1, 3 or 4 channels",
        )
    array = array[..., 0] if array.ndim == 3 and shape[2] == 1 else array
    if array.dtype == np.uint16:
        array = (array // _BYTES_OF_16).astype(np.uint8)
    elif np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ZooError(
                f"{name} has floats beyond 0 to 1.",
                fix="Divide by the largest value, or give whole numbers as uint8.",
            )
        array = np.rint(array * 255).astype(np.uint8)
    elif array.dtype == bool:
        array = array.astype(np.uint8) * 255
    elif array.dtype != np.uint8:
        raise ZooError(f"{name} is an array of {array.dtype}; pictures are uint8, uint16, or floats from 0 to 1.")
    return Image.fromarray(array)


def _converted(image: Image.Image, channels: int) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":  # Pillow would cut off what is above 255
        wide = np.asarray(image)
        image = Image.fromarray((np.clip(wide, 0, 65535) // _BYTES_OF_16).astype(np.uint8))
    elif image.mode == "F":
        wide = np.asarray(image)
        image = Image.fromarray(np.clip(wide * (255 if wide.max(initial=0) <= 1 else 1), 0, 255).astype(np.uint8))
    elif image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("L" if channels == 1 else "RGB")
