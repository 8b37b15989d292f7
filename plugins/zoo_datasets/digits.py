"""Handwritten digits: the 1,797 pictures of 8 x 8 pixels that scikit-learn carries.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, https://doi.org/10.24432/C50P49
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from zoo.data.splits import split_indices
from zoo.errors import ZooError

_BRIGHTEST = 16
_TEST, _VALIDATION = 0.2, 0.125  # of all, and of what is left: a fifth and a tenth of the pictures


def load() -> Mapping[str, Any]:
    """The splits as tables of `image` (PNG bytes) and `label` ("0" to "9"), every digit's share kept in each."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ZooError(
            "The data set 'digits' comes with scikit-learn, which is not installed.",
            fix="pip install 'keras-zoo[samples]'",
        ) from error
    digits = load_digits()
    pictures = [_png(image) for image in digits.images]
    labels = [str(label) for label in digits.target]
    rest, test = split_indices(labels, len(labels), _TEST, seed=0)
    train, validation = split_indices([labels[n] for n in rest], len(rest), _VALIDATION, seed=0)
    chosen = {"train": [rest[n] for n in train], "validation": [rest[n] for n in validation], "test": test}
    return {name: _table(pictures, labels, rows) for name, rows in chosen.items()}


def _png(image: Any) -> bytes:
    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray((image * 255 / _BRIGHTEST).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _table(pictures: list[bytes], labels: list[str], rows: list[int]) -> Any:
    import pyarrow as pa

    return pa.table({"image": [pictures[n] for n in rows], "label": [labels[n] for n in rows]})
