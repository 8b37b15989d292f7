"""`zoo verify`: are these the pinned files, and does this machine compute with them what the reference computes?"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import RunError, ZooError
from zoo.hub.fetch import fetch_preset
from zoo.hub.files import Files
from zoo.hub.progress import bars
from zoo.loading import load
from zoo.registry.presets import Golden, find_preset, read_golden, read_lock


@dataclass(frozen=True)
class Outputs:
    """A comparison with the golden outputs.

    Args:
        golden: what the reference answers.
        difference: the largest difference of a number.
        device: where it was computed.
    """

    golden: Golden
    difference: float
    device: str

    @property
    def agree(self) -> bool:
        return self.difference <= self.golden.tolerance  # False for NaN


def verify_files(name: str) -> Files:
    """Hash every file of a preset again, whatever is remembered of it; what lacks is fetched.

    Raises a ZooError where a file is not the pinned one and the right one is not to be had.
    """
    preset = find_preset(name)
    with bars() as progress:
        return fetch_preset(preset, read_lock(preset), progress, anew=True)


def verify_outputs(name: str) -> Outputs | None:
    """Load a preset and compare its outputs with the golden ones, in full float32; None where it has none.

    Raises a RunError where the outputs have another shape.
    """
    golden = read_golden(find_preset(name))
    if golden is None:
        return None
    from zoo.backend import use_jax

    use_jax()
    import jax
    import numpy as np

    model = load(name)
    with jax.default_matmul_precision("highest"):  # whatever the user has chosen for other work
        found = np.asarray(getattr(model, model.verb)(golden.inputs), np.float64)
    expected = np.asarray(golden.outputs, np.float64)
    if found.shape != expected.shape:
        raise RunError(
            f"'{name}' gives outputs of another shape than the reference.",
            why=f"{found.shape} here, {expected.shape} there",
        )
    device = jax.devices()[0]
    return Outputs(golden, float(np.abs(found - expected).max()), f"{device.platform} ({device.device_kind})")


def refusal(name: str, outputs: Outputs) -> ZooError:
    """What to tell of outputs that do not agree."""
    return RunError(
        f"'{name}' does not compute here what the reference computes.",
        why=[
            f"the largest difference is {outputs.difference:.3g}, and the tolerance {outputs.golden.tolerance:g}",
            f"computed on {outputs.device}; the reference is {outputs.golden.reference}",
            "the files are the pinned ones, so it is the code, a library, a setting or the device",
        ],
        fix="Unset XLA_FLAGS and JAX_* settings; if it stays, report it with 'zoo --version' and the device.",
    )
