"""Adapters in PEFT's format: which tensor belongs to which layer, and back. The layout table knows the names.

A layer whose kernel the table calls `encoder.layer.0.output.dense.weight` has the module name
`encoder.layer.0.output.dense`, and its change of low rank the tensors
`base_model.model.encoder.layer.0.output.dense.lora_A.weight` `(rank, in)` and `lora_B.weight` `(out, rank)`; DoRA
adds `lora_magnitude_vector` `(out,)`. A module that is kept whole has its own tensors under the same prefix.
Reference: peft/utils/save_and_load.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from zoo.errors import Faults, ZooError, counted, some
from zoo.hub.adapter import adapter_files
from zoo.hub.description import is_timm, labels_of
from zoo.hub.files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, CONFIG, Files
from zoo.hub.progress import bars
from zoo.weights.layout import Layout, Op
from zoo.weights.peft_config import PeftConfig, ends_with, read_config
from zoo.weights.reader import Checkpoint
from zoo.weights.shards import Outgoing, write_file
from zoo.weights.staging import staged

_PREFIX = "base_model.model."
_PARTS = {
    ".lora_A.weight": "a",
    ".lora_B.weight": "b",
    ".lora_magnitude_vector": "magnitude",
    ".lora_magnitude_vector.weight": "magnitude",  # as it was written before PEFT 0.9
}
_WRITTEN = {part: suffix for suffix, part in reversed(_PARTS.items())}
_WEIGHT = ".weight"
_COPY = ".base_layer.weight"  # of a changed head or embedding PEFT writes the base's own matrix along


@dataclass(frozen=True)
class PeftAdapter:
    """An adapter's files, read as far as that takes no model."""

    config: PeftConfig
    checkpoint: Checkpoint
    origin: str
    labels: tuple[str, ...] = ()
    """The class names, where a `config.json` beside it tells them, as zoo writes one."""
    files: Files = field(default_factory=lambda: Files({}, ""))
    """All that is beside it, such as the chat template that it was trained with."""


@dataclass(frozen=True)
class Change:
    """One layer's change of low rank; `tensors` names its parts `a`, `b` and `magnitude`."""

    rank: int
    alpha: float
    tensors: Mapping[str, str]

    def numbers(self, checkpoint: Checkpoint) -> dict[str, np.ndarray]:
        """The parts as `zoo.nn.Lora` has them: `(in, rank)`, `(rank, out)`, `(out,)`, float32."""
        return {part: checkpoint.read(name).astype(np.float32).T for part, name in self.tensors.items()}


@dataclass(frozen=True)
class Placed:
    """Where an adapter's tensors go.

    Args:
        changes: by the layer's path.
        saved: `{variable: (tensor, op)}` of the modules that are kept whole.
        copies: `{layer: (tensor, op)}` of the changed layers whose kernel in the base is told, too.
    """

    changes: Mapping[str, Change]
    saved: Mapping[str, tuple[str, Op]]
    copies: Mapping[str, tuple[str, Op]]


def read_adapter(location: str | Path) -> PeftAdapter:
    """The adapter at a path or URL. Raises a ZooError where there is none, or none that zoo can compute."""
    with bars() as progress:
        files = adapter_files(location, progress)
    if ADAPTER_CONFIG not in files:
        other = f"it holds a checkpoint: zoo.load('{files.origin}')" if CONFIG in files else f"no {ADAPTER_CONFIG}"
        raise ZooError(f"{files.origin} is not an adapter.", why=other)
    config = read_config(files.mapping(ADAPTER_CONFIG), files.origin)
    model = files.mapping(CONFIG)
    labels = labels_of(model) if "id2label" in model or is_timm(model) else ()
    return PeftAdapter(config, Checkpoint([files.path(ADAPTER_WEIGHTS)], files.origin), files.origin, labels, files)


def module_names(layout: Layout, path: str) -> list[str]:
    """The names of the module that the layer at `path` is in the checkpoint; the one that zoo writes first."""
    row = layout.rule(f"{path}/kernel")
    return [name.removesuffix(_WEIGHT) for name in layout.names(*row) if name.endswith(_WEIGHT)] if row else []


def match(
    adapter: PeftAdapter,
    layout: Layout,
    layers: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, tuple[int, ...]],
) -> Placed:
    """Match an adapter's tensors with a model.

    Args:
        layers: the linear layers' paths, and the shapes `(out, in)` of their kernels.
        variables: the base's variables and their shapes.

    Raises a ZooError that lists what does not match, on both sides.
    """
    config, checkpoint = adapter.config, adapter.checkpoint
    paths = {name: path for path in layers for name in module_names(layout, path)}
    rows = {path: row for path in variables if (row := layout.rule(path))}
    owners = {name: path for path, row in rows.items() for name in layout.names(*row)}
    parts: dict[str, dict[str, str]] = {}
    saved: dict[str, tuple[str, Op]] = {}
    copies: dict[str, tuple[str, Op]] = {}
    unknown: list[str] = []
    for tensor in checkpoint.tensors:
        bare = tensor.removeprefix(_PREFIX)
        suffix = next((suffix for suffix in (*_PARTS, _COPY) if bare.endswith(suffix)), None)
        owner = paths.get(bare.removesuffix(suffix)) if suffix else owners.get(bare)
        if bare == tensor or owner is None:
            unknown.append(tensor)
        elif suffix == _COPY:
            copies[owner] = tensor, rows[f"{owner}/kernel"][0].op
        elif suffix:
            parts.setdefault(owner, {})[_PARTS[suffix]] = tensor
        else:
            saved[owner] = tensor, rows[owner][0].op

    faults, missing = Faults(), []
    changes: dict[str, Change] = {}
    for path, (units, dim) in layers.items():
        names = module_names(layout, path)
        if path not in parts and not any(map(config.expects, names)):
            continue
        module = next((n for n in names if n in config.ranks or n in config.alphas), names[0])
        change = Change(config.rank_of(module), config.alpha_of(module), parts.get(path, {}))
        shapes = {"a": (change.rank, dim), "b": (units, change.rank)} | (
            {"magnitude": (units,)} if config.dora else {}
        )
        missing += [f"{names[0]}{_WRITTEN[part]}" for part in shapes if part not in change.tensors]
        unknown += [name for part, name in change.tensors.items() if part not in shapes]
        for part, shape in shapes.items():
            if part in change.tensors:
                faults.found += _mismatch(checkpoint, change.tensors[part], shape)
        changes[path] = change
    kept = {_module(layout, path) for path in saved}
    for path, row in rows.items():
        module = _module(layout, path)
        if path in saved:
            faults.found += _mismatch(checkpoint, saved[path][0], row[0].op.shape(variables[path]))
        elif module in kept or config.keeps(module):
            missing.append(next(layout.names(*row)))
    for path, (tensor, op) in copies.items():
        faults.found += _mismatch(checkpoint, tensor, op.shape(layers[path]))
        if path not in changes:
            unknown.append(tensor)
    if unknown:
        belong = counted(len(unknown), "of its tensors belongs", "of its tensors belong")
        faults.add(f"{belong} to nothing in the model: {some(unknown)}")
    if missing:
        need = counted(len(missing), "tensor that the model needs is", "tensors that the model needs are")
        faults.add(f"{need} not there: {some(missing)}")
    if not checkpoint.tensors:
        faults.add("it holds no tensor")
    faults.check(
        f"The adapter of {adapter.origin} does not fit the model.",
        fix=f"It was made for {config.base}." if config.base else "It was made for another model, task or rank.",
    )
    return Placed(changes, saved, copies)


def write_adapter(
    folder: Path,
    config: PeftConfig,
    layout: Layout,
    changes: Mapping[str, Mapping[str, np.ndarray]],
    saved: Mapping[str, np.ndarray],
    extras: Mapping[str, bytes],
) -> None:
    """Write an adapter directory that PEFT loads, whole or not at all.

    Args:
        changes: by layer, the parts as `zoo.nn.Lora` has them.
        saved: by variable, the numbers of what is kept whole.
        extras: other files, by name.

    Raises a ZooError as `write_checkpoint` does.
    """
    tensors = {}
    for path, parts in changes.items():
        module = module_names(layout, path)[0]
        tensors |= {f"{_PREFIX}{module}{_WRITTEN[part]}": numbers.T for part, numbers in parts.items()}
    for path, numbers in saved.items():
        rule, places = layout.rule(path) or _nameless(path)
        tensors[_PREFIX + next(layout.names(rule, places))] = rule.op.save(numbers)
    with staged(folder) as staging:
        text = json.dumps(config.written(), indent=2, sort_keys=True)
        (staging / ADAPTER_CONFIG).write_text(text + "\n", encoding="utf-8")
        outgoing = {name: Outgoing(x.dtype, x.shape, lambda x=x: x) for name, x in tensors.items()}
        write_file(staging / ADAPTER_WEIGHTS, outgoing)
        for name, content in extras.items():
            (staging / name).write_bytes(content)


def targets_of(layout: Layout, changed: Sequence[str], variables: Iterable[str]) -> list[str]:
    """The changed layers as PEFT's `target_modules`: the shortest ends of names that name them and nothing else.

    Raises a ZooError where a layer has no module name.
    """
    modules = {path: (module_names(layout, path) or _nameless(path))[0] for path in changed}
    own = set(modules.values())
    known: dict[str, set[str]] = {}  # every module with weights, inside others or not, by the rule that tells of it
    for path in variables:
        rule, places = layout.rule(path) or _nameless(path)
        words, kinds = (name.split(".") for name in (next(layout.names(rule, places)), rule.tensor))
        for end in range(1, len(words)):
            known.setdefault(".".join(words[:end]), set()).add(".".join(kinds[: end - len(words)]))
    return sorted({_shortest_end(module, own, known) for module in own})


def _shortest_end(module: str, own: Set[str], known: Mapping[str, Set[str]]) -> str:
    """The shortest end of a module's name that no known module has but those of `own`; else the whole name."""
    words = module.split(".")
    for length in range(1, len(words)):
        end = ".".join(words[-length:])
        named = [name for name in known if ends_with(name, end)]
        # One word for several kinds of layers may name another in the base that zoo does not have.
        kinds = {rule for name in named for rule in known[name]}
        if set(named) <= own and (length > 1 or len(kinds) == 1):
            return end
    return module


def modules_of(layout: Layout, variables: Iterable[str]) -> list[str]:
    """The modules that hold some variables, as PEFT's `modules_to_save` names them."""
    return list(dict.fromkeys(_module(layout, path) for path in variables))


def _module(layout: Layout, variable: str) -> str:
    rule, places = layout.rule(variable) or _nameless(variable)
    return next(layout.names(rule, places)).rpartition(".")[0]


def _nameless(path: str) -> NoReturn:
    raise ZooError(f"The weight layout has no name for {path}, so PEFT cannot have one.")


def _mismatch(checkpoint: Checkpoint, tensor: str, shape: tuple[int, ...]) -> list[str]:
    if not checkpoint.is_float(tensor):
        return [f"'{tensor}' has dtype {checkpoint.tensors[tensor].dtype}, which is no weight's"]
    found = checkpoint.shape(tensor)
    return [] if found == shape else [f"'{tensor}' has shape {found}, and the model and the config ask for {shape}"]
