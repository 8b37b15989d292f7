"""The files of one checkpoint: names and where they lie. Nothing outside the listed names can be opened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from zoo import strict_json
from zoo.errors import ZooError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
CHAT_TEMPLATE = "chat_template.jinja"
CHAT_TEMPLATES = "additional_chat_templates/"
_COMPANIONS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "generation_config.json",
    "preprocessor_config.json",
    CHAT_TEMPLATE,
)


_LARGEST_JSON = 64 << 20
_ADDITIONAL = re.compile(re.escape(CHAT_TEMPLATES) + r"[^/]+\.jinja")
# A root, a drive, a way up, or what a terminal would obey.
_LEADS_AWAY = re.compile(r"^/|\\|:|(^|/)\.\.(/|$)|[\x00-\x1f\x7f]").search


@dataclass(frozen=True)
class Files:
    """A checkpoint's files.

    Args:
        paths: `{name in the checkpoint: path on this machine}`.
        origin: where they came from, for messages and records.
    """

    paths: Mapping[str, Path]
    origin: str

    def __contains__(self, name: str) -> bool:
        return name in self.paths

    def path(self, name: str) -> Path:
        """Where `name` lies. Raises a ZooError where the checkpoint has no such file."""
        if name not in self.paths:
            raise ZooError(f"{self.origin} has no file '{name}'.")
        return self.paths[name]

    def json(self, name: str) -> Any:
        """The parsed JSON of `name`. Raises a ZooError where it is missing, malformed, or says a thing twice."""
        try:
            if self.path(name).stat().st_size > _LARGEST_JSON:
                raise ZooError(f"{name} of {self.origin} is larger than any such file: {_LARGEST_JSON:,} bytes.")
            return strict_json.loads(self.path(name).read_text(encoding="utf-8"))
        except OSError as error:
            raise ZooError(f"{name} of {self.origin} cannot be read.", why=str(error)) from error
        except (ValueError, RecursionError) as error:
            raise ZooError(f"{name} of {self.origin} is not valid JSON.", why=str(error)) from error

    def mapping(self, name: str) -> dict[str, Any]:
        """The JSON object in `name`, or an empty one where the checkpoint has no such file."""
        value = self.json(name) if name in self else {}
        if not isinstance(value, dict):
            raise ZooError(f"{name} of {self.origin} is not a JSON object.")
        return value

    def weights(self) -> list[Path]:
        """The safetensors files, every shard of them."""
        if WEIGHTS in self:
            return [self.path(WEIGHTS)]
        return sorted(set(self.weight_map().values()))

    def weight_map(self) -> dict[str, Path]:
        """Which shard holds which tensor, as the index says; empty where one file holds all.

        Raises a ZooError where there are no weights, or the index is not to be trusted.
        """
        if WEIGHTS in self:
            return {}
        if WEIGHTS_INDEX not in self:
            raise ZooError(
                f"{self.origin} has no weights.",
                why=f"neither '{WEIGHTS}' nor '{WEIGHTS_INDEX}' is there; zoo reads safetensors only",
            )
        shards = read_weight_map(self.json(WEIGHTS_INDEX), self.origin)
        return {tensor: self.path(shard) for tensor, shard in shards.items()}


def read_weight_map(index: Any, origin: str) -> dict[str, str]:
    """`{tensor: shard}` of a parsed index. Only plain names are accepted, never a path out of the folder."""
    mapping = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(mapping, dict) or not mapping:
        raise ZooError(f"{WEIGHTS_INDEX} of {origin} has no weight_map.")
    names = sorted({str(name) for name in mapping.values()})
    hostile = [name for name in names if hostile_path(name) or "/" in name or not name.endswith(".safetensors")]
    if hostile:
        raise ZooError(f"{WEIGHTS_INDEX} of {origin} names files that are not shards.", why=map(repr, hostile[:8]))
    return {tensor: str(name) for tensor, name in mapping.items()}


def wanted(names: Iterable[str]) -> list[str]:
    """Of the files a repository lists, those that zoo reads."""
    there = set(names)
    shards = sorted(n for n in there if "/" not in n and n.endswith(".safetensors") and "-of-" in n)
    weights = [WEIGHTS] if WEIGHTS in there else [WEIGHTS_INDEX, *shards]
    templates = sorted(n for n in there if _ADDITIONAL.fullmatch(n))
    return [name for name in (CONFIG, *weights, *_COMPANIONS, *templates) if name in there]


def is_weights(name: str) -> bool:
    """Whether a checkpoint's file of this name holds tensors, and so most of its bytes."""
    return name.endswith(".safetensors")


def hostile_path(name: str) -> bool:
    """Whether a file's name would lead out of a checkpoint's folder, or is no name at all."""
    return not name or name != PurePosixPath(name).as_posix() or bool(_LEADS_AWAY(name))


def check_names(names: Iterable[str]) -> None:
    """Refuse names that would lead out of a repository's folder, whoever gave them."""
    if hostile := [name for name in names if hostile_path(name)]:
        raise ZooError("A repository's files have plain names, relative to its folder.", why=map(repr, hostile))


def local_files(folder: Path) -> Files:
    """The files of a checkpoint directory on this machine."""
    # Only where zoo's names can be: the folder may be a home directory.
    templates = [f"{CHAT_TEMPLATES}{path.name}" for path in (folder / CHAT_TEMPLATES).glob("*.jinja")]
    names = [*(path.name for path in folder.iterdir()), *_COMPANIONS, *templates]
    names = [name for name in wanted(names) if (folder / name).is_file()]
    return Files({name: folder / name for name in names}, origin=str(folder))
