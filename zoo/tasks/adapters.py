"""A model's adapters: several changes of low rank to one base, of which one at a time is put on."""

from __future__ import annotations

import collections
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jax import numpy as jnp

from zoo.errors import Faults, ZooError, counted, did_you_mean, some
from zoo.hub.files import CONFIG
from zoo.nn import Linear, Lora
from zoo.registry.presets import find_preset, is_preset, read_lock
from zoo.tasks.adapter_targets import chosen_layers
from zoo.weights.build import path_seed, variable_path
from zoo.weights.layout import Layout
from zoo.weights.peft import PeftAdapter, match, module_names, modules_of, read_adapter, targets_of, write_adapter
from zoo.weights.peft_config import NUMBERS, TASK_TYPES, PeftConfig

if TYPE_CHECKING:
    from zoo.tasks.model import Model

DEFAULT = "default"


@dataclass
class Adapter:
    """One adapter of a model.

    Args:
        layers: what it puts on, by the path of the linear layer.
        saved: the numbers of the variables that it keeps whole, while it is off.
    """

    layers: dict[str, Lora]
    saved: dict[str, Any]


class Adapters:
    """The adapters of a model, by name.

    While one is on, the base stays as it is in training: only the adapter learns, and the modules that it keeps
    whole, such as a new head. `compile()` again after a change.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.active: str | None = None
        """The name of the adapter that is on; None where the model is its base alone."""
        self._held: dict[str, Adapter] = {}
        self._base: dict[str, Any] = {}  # what an adapter's own modules stand in for
        self._trainable: dict[str, bool] = {}  # as it was before any adapter

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"<{counted(len(self), 'adapter')}: {', '.join(self)}; {self.active or 'none'} is on>"

    def add(
        self,
        name: str = DEFAULT,
        *,
        rank: int = 16,
        alpha: float = 32,
        dropout: float = 0.0,
        targets: str = "all",
        rslora: bool = False,
        dora: bool = False,
        seed: int = 0,
    ) -> None:
        """Make a new adapter, which changes nothing yet, and put it on.

        Args:
            rank, alpha, dropout, rslora, dora: as in `zoo.nn.Lora`.
            targets: `attention`, `mlp` (every other linear layer of the backbone), `all` (both), or patterns of
                layer paths or PEFT's module names, with commas between them.
            seed: decides the random start.

        A head that is new, or whose output the labels decide, is trained and kept whole.
        Raises a ZooError where no layer is meant, a number cannot be, or the name is taken.
        """
        self._check_new(name)
        faults = Faults()
        for key, number in {"rank": rank, "alpha": alpha, "dropout": dropout}.items():
            fits, wanted = NUMBERS[key]
            if not fits(number):
                faults.add(f"{key} = {number!r:.80}: {wanted} is needed")
        faults.check("There is no such adapter.")
        linears, weights = self._linears(), self._weights()
        layout = self.model.weight_layout()
        whole = [path for path in weights if self._is_kept_whole(path, layout)]
        names = {path: module_names(layout, path) for path in linears if f"{path}/kernel" not in whole}
        chosen = chosen_layers(names, targets)
        targets_of(layout, chosen, weights)  # refuses what PEFT could not name
        how: dict[str, Any] = {"dropout": dropout, "rslora": rslora, "dora": dora}
        self._hold(
            name,
            {path: Lora(rank, alpha, **how, dtype=_dtype(linears[path])) for path in chosen},
            {path: jnp.copy(self._base.get(path, weights[path].value)) for path in whole},
        )
        for path, lora in self._held[name].layers.items():
            lora.start(linears[path].float_kernel(), path_seed(seed, f"{path}/lora"))

    def load(self, location: str | Path | PeftAdapter, name: str = DEFAULT) -> None:
        """Read an adapter in PEFT's format from a directory, a run or a URL, and put it on.

        Raises a ZooError, and loads nothing, where it does not fit the model to the last tensor.
        """
        self._check_new(name)
        adapter = location if isinstance(location, PeftAdapter) else read_adapter(location)
        if adapter.labels and self.model.labels and adapter.labels != self.model.labels:
            raise ZooError(
                f"The adapter of {adapter.origin} was made for other labels, or another order of them.",
                why=f"its labels are {some(adapter.labels)}; the model's are {some(self.model.labels)}",
            )
        self.model.check_adapter_files(adapter.files)
        linears, weights, config = self._linears(), self._weights(), adapter.config
        placed = match(
            adapter,
            self.model.weight_layout(),
            {path: tuple(layer.kernel.shape) for path, layer in linears.items()},
            {path: tuple(variable.shape) for path, variable in weights.items()},
        )
        read = adapter.checkpoint.read
        for path, (tensor, op) in placed.copies.items():
            if not linears[path].holds(op.load(read(tensor))):
                raise ZooError(
                    f"The adapter of {adapter.origin} was made for another base.",
                    why=f"its '{tensor}' differs from the model's",
                )
        numbers = {path: change.numbers(adapter.checkpoint) for path, change in placed.changes.items()}
        saved = {path: op.load(read(tensor)) for path, (tensor, op) in placed.saved.items()}
        how: dict[str, Any] = {"dropout": config.dropout, "rslora": config.rslora, "dora": config.dora}
        layers = {
            path: Lora(change.rank, change.alpha, **how, dtype=_dtype(linears[path]))
            for path, change in placed.changes.items()
        }
        self._hold(name, layers, saved)
        for path, parts in numbers.items():
            for part, values in parts.items():
                getattr(layers[path], part).assign(values)

    def use(self, name: str | None) -> None:
        """Put the adapter of this name on, and the one before it off; None leaves the base alone."""
        if name is not None and (not isinstance(name, str) or name not in self._held):
            raise ZooError(
                f"The model has no adapter {name!r}.{did_you_mean(str(name), self)}",
                why=f"it has {some(self) or 'none'}",
            )
        self._take_off()
        if name is not None:
            self._put_on(self._held[name])
        self.active = name
        self.model.forget_compiled()

    def remove(self, name: str) -> None:
        """Forget an adapter; where it is on, it is put off first."""
        if name == self.active or name not in self._held:
            self.use(None if name in self._held else name)
        del self._held[name]

    def merge(self) -> None:
        """Work the adapter that is on into the base, for good, and forget it; the others stay as they were made.

        The model computes the same as before, without the cost of an adapter.
        """
        adapter = self._on("merge")
        for path in adapter.layers:
            layer = self._linears()[path]
            kernel = layer.merged_kernel()
            layer.adapt(None)
            layer.set_kernel(kernel)
        self._base = {}
        del self._held[str(self.active)]
        self.active = None
        self._freeze()
        self.model.forget_compiled()

    def save(self, folder: str | Path) -> None:
        """Write the adapter that is on as a directory that PEFT loads onto the same base, with equal outputs.

        Raises a ZooError, and leaves nothing behind, where the directory is there already and not empty, the disk
        refuses, or a number is NaN or infinite.
        """
        adapter, layout, weights = self._on("save"), self.model.weight_layout(), self._weights()
        changes = {path: _parts(lora) for path, lora in adapter.layers.items()}
        saved = {path: np.asarray(weights[path].value) for path in adapter.saved}
        extras = {CONFIG: (json.dumps(self.model.written_config(), indent=2) + "\n").encode()}
        extras |= self.model.adapter_companions()
        write_adapter(Path(folder), self._config(adapter, layout), layout, changes, saved, extras)

    # What the model asks for

    @property
    def kept_whole(self) -> Collection[str]:
        """The paths of the base's variables of which the adapter that is on has its own."""
        return () if self.active is None else self._held[self.active].saved.keys()

    def own_paths(self) -> set[str]:
        """The paths of the variables that no checkpoint has: an adapter's own, and the scales of 8-bit kernels."""
        loras = () if self.active is None else self._held[self.active].layers.values()
        scales = [layer.scale for layer in self._linears().values() if layer.scale is not None]
        return {variable_path(self.model, v) for v in (*scales, *(v for lora in loras for v in lora.weights))}

    def merged(self) -> dict[str, tuple[str, Any]]:
        """By the path of each kernel that does not tell all, its dtype and what gives it with every change."""
        changed = {
            path: layer
            for path, layer in self._linears().items()
            if layer.adapter is not None or layer.scale is not None
        }
        return {f"{path}/kernel": (layer.variable_dtype, layer.merged_kernel) for path, layer in changed.items()}

    # Inside

    def _linears(self) -> dict[str, Linear]:
        """The linear layers by path, in the order of the weights."""
        layers = {id(x.kernel): x for x in self.model._flatten_layers() if isinstance(x, Linear)}
        paths = {
            variable_path(self.model, v).rpartition("/")[0]: id(v) for v in self.model.weights if id(v) in layers
        }
        return {path: layers[key] for path, key in paths.items()}

    def _weights(self) -> dict[str, Any]:
        """The base's variables by path."""
        own = self.own_paths()
        weights = {variable_path(self.model, variable): variable for variable in self.model.weights}
        return {path: variable for path, variable in weights.items() if path not in own}

    def _is_kept_whole(self, path: str, layout: Layout) -> bool:
        return layout.is_labelled(path) or (path in self.model.audit.fresh and layout.may_be_fresh(path))

    def _check_new(self, name: str) -> None:
        self.model.check_whole("given an adapter")
        if name in self._held:
            raise ZooError(f"The model has an adapter '{name}' already.", fix="Give the new one another name.")

    def _on(self, what: str) -> Adapter:
        if self.active is None:
            raise ZooError(
                f"There is no adapter on to {what}.",
                fix=f"Put one on: model.adapters.use('{next(iter(self))}')." if self else "Add or load one first.",
            )
        return self._held[self.active]

    def _hold(self, name: str, layers: dict[str, Lora], saved: dict[str, Any]) -> None:
        self._held[name] = Adapter(layers, saved)
        self.use(name)

    def _put_on(self, adapter: Adapter) -> None:
        weights, linears = self._weights(), self._linears()
        self._trainable = self._trainable or {path: variable.trainable for path, variable in weights.items()}
        # Copies: a training step gives away the buffers that the variables hold.
        self._base = {path: jnp.copy(weights[path].value) for path in adapter.saved}
        for path, values in adapter.saved.items():
            weights[path].assign(values)
        for path, lora in adapter.layers.items():
            linears[path].adapt(lora)
        self._freeze(adapter.saved)

    def _take_off(self) -> None:
        if self.active is None:
            return
        adapter, weights, linears = self._held[self.active], self._weights(), self._linears()
        adapter.saved = {path: jnp.copy(weights[path].value) for path in adapter.saved}
        for path, values in self._base.items():
            weights[path].assign(values)
        for path in adapter.layers:
            linears[path].adapt(None)
        self.active, self._base = None, {}
        self._freeze()

    def _freeze(self, trained: Mapping[str, Any] | None = None) -> None:
        """Let the base learn nothing but these variables; None gives it back what it could before."""
        for path, variable in self._weights().items():
            if path in self._trainable:
                variable.trainable = self._trainable[path] if trained is None else path in trained

    def _config(self, adapter: Adapter, layout: Layout) -> PeftConfig:
        loras = {module_names(layout, path)[0]: lora for path, lora in adapter.layers.items()}
        first = next(iter(loras.values()), Lora(1, 1))
        rank = collections.Counter(lora.rank for lora in loras.values() or [first]).most_common(1)[0][0]
        alpha = collections.Counter(lora.alpha for lora in loras.values() or [first]).most_common(1)[0][0]
        base, revision = _base_of(self.model.preset)
        return PeftConfig(
            rank=rank,
            alpha=alpha,
            dropout=first.dropout.rate,
            rslora=first.rslora,
            dora=first.dora,
            targets=targets_of(layout, list(adapter.layers), self._weights()),
            saved=modules_of(layout, adapter.saved),
            ranks={name: lora.rank for name, lora in loras.items() if lora.rank != rank},
            alphas={name: lora.alpha for name, lora in loras.items() if lora.alpha != alpha},
            task_type=TASK_TYPES.get(self.model.task),
            base=base,
            revision=revision,
        )


def _dtype(layer: Linear) -> str:
    """The policy of an adapter on a layer: it computes in the layer's precision, and its numbers are float32."""
    return "float32" if layer.compute_dtype == "float32" else f"mixed_{layer.compute_dtype}"


def _parts(lora: Lora) -> dict[str, np.ndarray]:
    names = ("a", "b", "magnitude") if lora.dora else ("a", "b")
    return {name: np.asarray(getattr(lora, name).value) for name in names}


def _base_of(preset: str) -> tuple[str | None, str | None]:
    """What PEFT finds the base by, a repository on the Hub or a directory, and the commit where it is known."""
    if preset and is_preset(preset):
        found = find_preset(preset)
        return found.source.removeprefix("hf://"), read_lock(found).commit or None
    repository, _, revision = preset.removeprefix("hf://").partition("@")
    return repository or None, revision or None
