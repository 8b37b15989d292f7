"""What the tests of networks for images share: torch's models, random in every number, and images both ways."""

from __future__ import annotations

import numpy as np
import torch


def randomise(model: torch.nn.Module, seed: int = 7) -> torch.nn.Module:
    """Fill norms with numbers that are not their neutral ones, running statistics too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for tensor, mean in ((module.weight, 1.0), (module.bias, 0.0), (module.running_mean, 0.0)):
                    tensor.copy_(mean + 0.1 * torch.randn(tensor.shape, generator=generator))
                module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
    return model.eval()


def calibrated(model: torch.nn.Module, x: np.ndarray) -> torch.nn.Module:
    """Set the running statistics to those of a batch, as training does.

    A deep network with random statistics blows its numbers up from layer to layer, and rounding with them.
    """
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(channels_first(x))
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    return model.eval()


def images(size: tuple[int, int], channels: int = 3, batch: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(batch, *size, channels)).astype(np.float32)


def channels_first(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy())


def channels_last(tensor: torch.Tensor) -> np.ndarray:
    array = tensor.detach().numpy()
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def close(ours, tensor: torch.Tensor, tolerance: float = 1e-5) -> None:
    """Equal up to `tolerance`, relative to the largest value where that is above 1."""
    array = channels_last(tensor)
    assert ours.shape == array.shape
    np.testing.assert_allclose(np.asarray(ours), array, atol=tolerance * max(1.0, np.abs(array).max()), rtol=0)
