"""zoo.data.images: what programs have pictures in beside paths, numpy arrays and PIL images."""

from __future__ import annotations

import io

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.data.pictures import picture
from zoo.data.images import as_images, read_image
from zoo.errors import ZooError


def test_arrays_of_other_libraries_are_taken_alone_in_lists_and_as_a_batch():
    array = np.asarray(picture(30, 20))
    for theirs in (jnp.asarray(array), torch.from_numpy(array.copy())):
        (one,) = as_images(theirs)
        np.testing.assert_array_equal(read_image(one), array)
        np.testing.assert_array_equal(read_image(theirs), array)
        assert len(as_images(theirs[None])) == 1
    with pytest.raises(ZooError, match=r"is an array of shape \(3, 20, 30\)"):
        read_image(torch.from_numpy(array.copy()).permute(2, 0, 1))


def test_an_open_file_is_read(tmp_path):
    picture(30, 20).save(tmp_path / "a.png")
    with (tmp_path / "a.png").open("rb") as file:
        (one,) = as_images(file)
        np.testing.assert_array_equal(read_image(one), picture(30, 20))
    with pytest.raises(ZooError, match="cannot be read"):
        read_image(file)  # closed
    with pytest.raises(ZooError, match="is not a picture that can be read, or is empty"):
        read_image(io.BytesIO(b""))
