"""The keys of `config.json` that all decoders share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from zoo.nn.config import Config
from zoo.nn.decoder_spec import DecoderLayerSpec, DecoderSpec
from zoo.nn.rotary import Rope

_SIZES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
)


@dataclass(frozen=True)
class DecoderConfig(Config):
    """Base of a decoder's config: a subclass adds its own keys and says in `spec` what they mean."""

    unsupported: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "is_causal": (True,),
        "quantization_config": (None,),
        "rope_interleaved": (False, None),
    }
    tables: ClassVar = {"rope_scaling": Rope.KEYS, "rope_parameters": Rope.KEYS}

    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None  # None: as num_attention_heads
    head_dim: int | None = None  # None: hidden_size / num_attention_heads
    max_position_embeddings: int = 2048
    original_max_position_embeddings: int | None = None  # Phi 3's place for what rope_scaling may say, too
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    attention_bias: bool = False
    attention_dropout: float = 0.0
    tie_word_embeddings: bool = True
    rope_theta: float = 10_000.0
    rope_scaling: dict | None = None  # transformers 4
    rope_parameters: dict | None = None  # transformers 5
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list | None = None

    @property
    def spec(self) -> DecoderSpec:
        """What the keys mean; a subclass makes it, by `spec_of`."""
        raise NotImplementedError

    def spec_of(
        self, layers: Iterable[DecoderLayerSpec], activation: str, scale: float, **differs: Any
    ) -> DecoderSpec:
        """The spec as the shared keys have it, but for what `differs`, by the names of `DecoderSpec`."""
        shared = {
            "vocab_size": self.vocab_size,
            "dim": self.hidden_size,
            "heads": self.num_attention_heads,
            "kv_heads": self.kv_heads,
            "head_dim": self.size_of_head,
            "mlp_dim": self.intermediate_size,
            "epsilon": self.rms_norm_eps,
            "max_positions": self.max_position_embeddings,
            "stddev": self.initializer_range,
            "dropout": self.attention_dropout,
            "attention_bias": self.attention_bias,
            "output_bias": self.attention_bias,
            "tied": self.tie_word_embeddings,
        }
        return DecoderSpec(**{**shared, **differs}, layers=tuple(layers), activation=activation, scale=scale)

    @property
    def kv_heads(self) -> int:
        return self.num_attention_heads if self.num_key_value_heads is None else self.num_key_value_heads

    @property
    def size_of_head(self) -> int:
        return self.hidden_size // self.num_attention_heads if self.head_dim is None else self.head_dim

    @property
    def ropes(self) -> dict[str, Rope]:
        """The rotary embedding of each kind of layer. Raises a ValueError in words where one cannot be computed."""
        given = self.rope_scaling or self.rope_parameters or {}  # the reference's order, where there are both
        if self.original_max_position_embeddings is not None:
            given = {**given, "original_max_position_embeddings": self.original_max_position_embeddings}
        return {"full_attention": self.rope(given, self.rope_theta)}

    def rope(self, parameters: Mapping[str, Any] | None, theta: float) -> Rope:
        """The rotary embedding that `parameters` describe, as `Rope.read`."""
        return Rope.read(parameters, theta, self.max_position_embeddings, self.size_of_head)

    def faults(self) -> list[str]:
        sizes = {name: getattr(self, name) for name in _SIZES} | {"num_key_value_heads": self.kv_heads}
        found = [f"{name} = {size} is not positive" for name, size in sizes.items() if size < 1]
        if found:
            return found
        if self.rms_norm_eps < 0:
            found.append(f"rms_norm_eps = {self.rms_norm_eps} is negative")
        if not 0 <= self.attention_dropout < 1:
            found.append(f"attention_dropout = {self.attention_dropout} is not in [0, 1)")
        if self.head_dim is None and self.hidden_size % self.num_attention_heads:
            found.append(
                f"hidden_size = {self.hidden_size} is not a multiple of "
                f"num_attention_heads = {self.num_attention_heads}, and there is no head_dim"
            )
        if self.num_attention_heads % self.kv_heads:
            found.append(
                f"num_attention_heads = {self.num_attention_heads} is not a multiple of "
                f"num_key_value_heads = {self.kv_heads}"
            )
        if self.size_of_head % 2 or self.size_of_head < 1:
            found.append(f"head_dim = {self.size_of_head} cannot be: rotary embeddings turn pairs")
        try:
            self.ropes  # noqa: B018
        except ValueError as error:
            found.append(str(error))
        return found
