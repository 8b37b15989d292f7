"""What took long to make, and is no plain product with weights: rematerialisation keeps it by this name."""

from __future__ import annotations

from typing import Any

from jax.ad_checkpoint import checkpoint_name

COSTLY = "costly"


def costly(x: Any) -> Any:
    """The same array, which `train.remat = "elementwise"` keeps for the gradient rather than making it again.

    Products with weights and XLA's convolutions are kept without being told. A depthwise convolution of
    `zoo.nn.depthwise` is not: making it again is quicker than reading it.
    """
    return checkpoint_name(x, COSTLY)
