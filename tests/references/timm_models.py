"""timm, whose import asks for torchvision, of which there is no CPU build beside the torch that the tests use.

Its models need no more of it than the names; what its transforms take from it, `torchvision_names` has.
"""

from __future__ import annotations

import sys

import pytest

from tests.references import torchvision_names

_before = set(sys.modules)
sys.modules.update(torchvision_names.modules())
try:
    import timm
    import timm.data
    from timm.layers import BatchNormAct2d, Conv2dSame
    from timm.models._efficientnet_blocks import SqueezeExcite
finally:
    for _name in set(sys.modules) - _before:
        if _name.partition(".")[0] == "torchvision":
            del sys.modules[_name]  # transformers looks whether torchvision is there, and would believe it


__all__ = ["BatchNormAct2d", "Conv2dSame", "SqueezeExcite", "every_day", "read_back", "saved", "timm"]


def every_day(chosen, names):
    """The names, of which all but the chosen are for `make test-deep`."""
    assert set(chosen) <= set(names)
    return [name if name in chosen else pytest.param(name, marks=pytest.mark.slow) for name in names]


def saved(model, folder, **model_args):
    """Write a model of timm as timm writes it for the Hub, with the arguments that its name does not tell."""
    timm.models.save_for_hf(model, folder, model_args=model_args or None, safe_serialization=True)
    return folder


def read_back(folder):
    """The model that timm makes of a directory, its weights loaded strictly."""
    return timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
