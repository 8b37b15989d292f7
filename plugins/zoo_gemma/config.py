"""The configs of Gemma 1, 2 and 3.

Reference: transformers/models/gemma, gemma2 and gemma3, configuration_*.py
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from zoo.errors import Faults
from zoo.nn import DecoderConfig, DecoderLayerSpec, DecoderSpec, Rope, activation_name

_FULL, _SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True)
class GemmaConfig(DecoderConfig):
    unsupported: ClassVar = {**DecoderConfig.unsupported, "use_bidirectional_attention": (False, None)}

    vocab_size: int = 256000
    hidden_size: int = 3072
    intermediate_size: int = 24576
    num_hidden_layers: int = 28
    num_attention_heads: int = 16
    num_key_value_heads: int | None = 16
    head_dim: int | None = 256
    max_position_embeddings: int = 8192
    hidden_act: str = activation_name("gelu_pytorch_tanh")
    pad_token_id: int | None = 0
    bos_token_id: int | None = 2
    eos_token_id: int | list | None = 1

    @property
    def spec(self) -> DecoderSpec:
        # The first release's configs say "gelu", and mean its approximation by tanh.
        act = "gelu_pytorch_tanh" if self.hidden_act == "gelu" else self.hidden_act
        return self._spec(act, self.size_of_head**-0.5)

    def _spec(self, activation: str, scale: float, **differs: Any) -> DecoderSpec:
        windows = {_FULL: None, _SLIDING: self.window}
        ropes = self.ropes
        layers = (DecoderLayerSpec(ropes.get(kind) or ropes[_FULL], windows[kind]) for kind in self.kinds)
        shared = {"centred_norms": True, "embedding_scale": self.hidden_size**0.5}
        return self.spec_of(layers, activation, scale, **shared, **differs)

    @property
    def window(self) -> int | None:
        """How many tokens a sliding layer sees, itself included; as `DecoderLayerSpec.window`."""
        return None

    @property
    def kinds(self) -> list[str]:
        """What each layer attends to, all or a window, in transformers' words."""
        return [_FULL] * self.num_hidden_layers


@dataclass(frozen=True)
class Gemma2Config(GemmaConfig):
    hidden_size: int = 2304
    intermediate_size: int = 9216
    num_hidden_layers: int = 26
    num_attention_heads: int = 8
    num_key_value_heads: int | None = 4
    hidden_activation: str = activation_name("gelu_pytorch_tanh")
    query_pre_attn_scalar: float = 256
    sliding_window: int | None = 4096
    sliding_window_pattern: int = 2
    layer_types: list | None = None
    final_logit_softcapping: float | None = 30.0
    attn_logit_softcapping: float | None = 50.0

    @property
    def spec(self) -> DecoderSpec:
        return self._spec(**self._differs())

    def _differs(self) -> dict[str, Any]:
        return {
            "activation": self.hidden_activation,
            "scale": self.query_pre_attn_scalar**-0.5,
            "post_norms": True,
            "attention_soft_cap": self.attn_logit_softcapping,
            "logit_soft_cap": self.final_logit_softcapping,
        }

    @property
    def window(self) -> int | None:
        return self.sliding_window

    @property
    def kinds(self) -> list[str]:
        if self.layer_types is not None:
            return self.layer_types
        every = self.sliding_window_pattern
        return [_SLIDING if (i + 1) % every else _FULL for i in range(self.num_hidden_layers)]

    def faults(self) -> list[str]:
        found = super().faults()
        caps = ("query_pre_attn_scalar", "final_logit_softcapping", "attn_logit_softcapping", "sliding_window")
        for name in (*caps, "sliding_window_pattern"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                found.append(f"{name} = {value} is not positive")
        if found:
            return found
        kinds = self.kinds
        if unknown := sorted({repr(kind) for kind in kinds if kind not in (_FULL, _SLIDING)}):
            found.append(f"layer_types has {', '.join(unknown)}; it may have '{_FULL}' and '{_SLIDING}'")
        if len(kinds) != self.num_hidden_layers:
            found.append(f"layer_types names {len(kinds)} layers, and num_hidden_layers = {self.num_hidden_layers}")
        if _SLIDING in kinds and self.sliding_window is None:
            found.append("layer_types has layers with a window, and there is no sliding_window")
        return found


@dataclass(frozen=True)
class Gemma3Config(Gemma2Config):
    unsupported: ClassVar = DecoderConfig.unsupported
    tables: ClassVar = {
        **DecoderConfig.tables,
        "rope_parameters": {**Rope.KEYS, _FULL: Rope.KEYS, _SLIDING: Rope.KEYS},
    }
    aliases: ClassVar = ("_sliding_window_pattern",)

    vocab_size: int = 262_208
    max_position_embeddings: int = 131_072
    rope_theta: float = 1_000_000.0
    rope_local_base_freq: float = 10_000.0
    sliding_window_pattern: int = 6
    final_logit_softcapping: float | None = None
    attn_logit_softcapping: float | None = None
    use_bidirectional_attention: bool | None = False

    @classmethod
    def fields_of(cls, source: Mapping[str, Any], faults: Faults) -> Mapping[str, Any]:
        if "_sliding_window_pattern" in source:  # transformers 4.5x
            return {"sliding_window_pattern": source["_sliding_window_pattern"], **source}
        return source

    @property
    def spec(self) -> DecoderSpec:
        # Gemma 3 replaced the soft cap of the scores by norms of what makes them; the reference reads the key of
        # its config, and does not use it.
        differs = {**self._differs(), "attention_soft_cap": None}
        return self._spec(**differs, query_key_norms=True, bidirectional=bool(self.use_bidirectional_attention))

    @property
    def window(self) -> int | None:
        # What looks both ways sees half of its window on either side.
        size = self.sliding_window
        return size // 2 + 1 if size and self.use_bidirectional_attention else size

    @property
    def ropes(self) -> dict[str, Rope]:
        given = self.rope_parameters or {}
        nested = given if _FULL in given or _SLIDING in given else {_FULL: given}
        full = nested.get(_FULL) or {}
        if isinstance(full, Mapping):  # where there are both, transformers 4's spelling comes over the other's
            full = {**full, **(self.rope_scaling or {})}
        return {
            _FULL: self.rope(full, self.rope_theta),
            _SLIDING: self.rope(nested.get(_SLIDING), self.rope_local_base_freq),
        }
