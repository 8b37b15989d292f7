"""Models of images: pictures are decoded in threads while the batch before them is computed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import jax
import numpy as np

from zoo.data.image_examples import first_of
from zoo.data.images import NAMED
from zoo.errors import ZooError
from zoo.tasks.model import Model

_BATCH = 32


class ImageModel(Model):
    """A model whose raw inputs are pictures: paths, bytes, PIL images or arrays."""

    inputs = "images"
    needed_file = ("a word on preprocessing", "preprocessor_config.json")

    def run(
        self, images: Sequence[Any], finish: Callable[[Any, dict[str, Any]], Any], call: Any = None
    ) -> Iterator[tuple[int, Any]]:
        """Compute the outputs of pictures in batches of few sizes, in order.

        Args:
            finish: `(outputs, arrays) -> outputs`, compiled together with the model. Pass the same function
                every time, or it compiles every time.
            call: what computes the outputs in the model's place.

        Yields:
            each picture's number, and its outputs as numpy.

        Raises a ZooError that names the picture that cannot be read, or, where several remain that cannot, all of
        these.
        """
        forward = self.compiled_forward(finish, call)
        preprocess = self.preprocess
        most = _BATCH if preprocess.settings.size is not None else 1  # pictures of any size share no batch
        names = [f"'{raw}'" if isinstance(raw, NAMED) else f"Picture {n + 1}" for n, raw in enumerate(images)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            pending = iter(_ahead(pool, preprocess.read, list(zip(images, names, strict=True)), 2 * most))
            for start in range(0, len(images), most):
                pixels = list(islice(pending, most))
                rows = 1 << (len(pixels) - 1).bit_length()
                batch = np.zeros((rows, *pixels[0].shape), np.float32)
                batch[: len(pixels)] = pixels
                outputs = forward({"pixel_values": batch})
                for row in range(len(pixels)):
                    yield start + row, jax.tree.map(lambda x, row=row: x[row], outputs)


def _ahead(
    pool: ThreadPoolExecutor, read: Any, arguments: list[tuple[Any, str]], count: int
) -> Iterator[np.ndarray]:
    """The results in order, never more than `count` of them waiting."""
    waiting = [pool.submit(read, *pair) for pair in arguments[:count]]
    rest = iter(arguments[count:])
    try:
        while waiting:
            try:
                yield waiting.pop(0).result()
            except ZooError as error:
                raise _with_others(error, pool, read, waiting, rest) from error
            waiting += [pool.submit(read, *pair) for pair in islice(rest, 1)]
    finally:
        for future in waiting:
            future.cancel()


def _with_others(
    first: ZooError,
    pool: ThreadPoolExecutor,
    read: Any,
    waiting: Sequence[Future[np.ndarray]],
    rest: Iterator[tuple[Any, str]],
) -> ZooError:
    """The error that names all that cannot be read, where others behind the first cannot, either.

    Each picture is read once: what is a stream may not be to be read again.

    Args:
        waiting: those that are being read.
        rest: those that are not yet.
    """

    def look(pair: tuple[Any, str]) -> str:
        return fault(lambda: read(*pair))

    def fault(reading: Callable[[], Any]) -> str:
        try:
            reading()
        except ZooError as error:
            return error.what
        return ""

    faults = [first.what, *(fault(future.result) for future in waiting), *pool.map(look, rest)]
    faults = [*filter(None, faults)]
    if len(faults) == 1:
        return first
    return ZooError(
        f"{len(faults):,} of the pictures cannot be read.",
        why=first_of(faults),
        fix="Repair them, or leave them out.",
    )
