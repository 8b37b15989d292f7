"""The plans that timm's names stand for: B0 to B8 and L2, lite, and version 2.

Reference: timm/models/efficientnet.py and _efficientnet_builder.py. The widths and depths are those of the papers,
https://arxiv.org/abs/1905.11946 and https://arxiv.org/abs/2104.00298.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from zoo.errors import Faults
from zoo.nn import Padding, divisible
from zoo.nn.timm_config import channels_of, check_pooling, table_of
from zoo_efficientnet.plan import BlockPlan, Plan


class Row(NamedTuple):
    """A stage as the papers' tables have it."""

    kind: str
    depth: int
    size: int
    stride: int
    ratio: int
    width: int
    squeeze: float = 0.25


@dataclass(frozen=True)
class Family:
    """What the sizes of one family share.

    Args:
        rows: the stages, unscaled.
        stem, top: channels, unscaled.
        act: the activation.
        scaled_ends: whether stem and top are scaled in width, and the first and last stage in depth.
        limit: how far rounding a width may fall below it.
        scaled_top: whether the top is scaled in width.
    """

    rows: tuple[Row, ...]
    stem: int = 32
    top: int = 1280
    act: str = "silu"
    scaled_ends: bool = True
    limit: float = 0.9
    scaled_top: bool = True


_V1 = (
    Row("separable", 1, 3, 1, 1, 16),
    Row("inverted", 2, 3, 2, 6, 24),
    Row("inverted", 2, 5, 2, 6, 40),
    Row("inverted", 3, 3, 2, 6, 80),
    Row("inverted", 3, 5, 1, 6, 112),
    Row("inverted", 4, 5, 2, 6, 192),
    Row("inverted", 1, 3, 1, 6, 320),
)


def _v2(*rows: tuple[str, int, int, int, int]) -> tuple[Row, ...]:
    """Kind, depth, stride, ratio and width; all are 3x3, and only the later stages squeeze."""
    return tuple(
        Row(kind, depth, 3, stride, ratio, width, 0.25 if kind == "inverted" else 0.0)
        for kind, depth, stride, ratio, width in rows
    )


_S = (
    ("fused", 4, 2, 4, 48),
    ("fused", 4, 2, 4, 64),
    ("inverted", 6, 2, 4, 128),
    ("inverted", 9, 1, 6, 160),
)
_FAMILIES = {
    "b": Family(_V1),
    "lite": Family(
        tuple(row._replace(squeeze=0.0) for row in _V1), act="relu6", scaled_ends=False, scaled_top=False
    ),
    "v2_b": Family(
        _v2(
            ("plain", 1, 1, 1, 16),
            ("fused", 2, 2, 4, 32),
            ("fused", 2, 2, 4, 48),
            ("inverted", 3, 2, 4, 96),
            ("inverted", 5, 1, 6, 112),
            ("inverted", 8, 2, 6, 192),
        ),
        limit=0.0,
    ),
    "v2_s": Family(_v2(("plain", 2, 1, 1, 24), *_S, ("inverted", 15, 2, 6, 256)), stem=24),
    "v2_rw": Family(_v2(("fused", 2, 1, 1, 24), *_S, ("inverted", 15, 2, 6, 272)), stem=24, top=1792),
    "v2_m": Family(
        _v2(
            ("plain", 3, 1, 1, 24),
            ("fused", 5, 2, 4, 48),
            ("fused", 5, 2, 4, 80),
            ("inverted", 7, 2, 4, 160),
            ("inverted", 14, 1, 6, 176),
            ("inverted", 18, 2, 6, 304),
            ("inverted", 5, 1, 6, 512),
        ),
        stem=24,
        scaled_top=False,
    ),
    "v2_l": Family(
        _v2(
            ("plain", 4, 1, 1, 32),
            ("fused", 7, 2, 4, 64),
            ("fused", 7, 2, 4, 96),
            ("inverted", 10, 2, 4, 192),
            ("inverted", 19, 1, 6, 224),
            ("inverted", 25, 2, 6, 384),
            ("inverted", 7, 1, 6, 640),
        ),
        scaled_top=False,
    ),
    "v2_xl": Family(
        _v2(
            ("plain", 4, 1, 1, 32),
            ("fused", 8, 2, 4, 64),
            ("fused", 8, 2, 4, 96),
            ("inverted", 16, 2, 4, 192),
            ("inverted", 24, 1, 6, 256),
            ("inverted", 32, 2, 6, 512),
            ("inverted", 8, 1, 6, 640),
        ),
        scaled_top=False,
    ),
}
# Family, width and depth of every name; a depth may be told stage by stage.
_SIZES: dict[str, tuple[str, float, float | tuple[float, ...]]] = {
    "_b0": ("b", 1.0, 1.0),
    "_b1": ("b", 1.0, 1.1),
    "_b2": ("b", 1.1, 1.2),
    "_b3": ("b", 1.2, 1.4),
    "_b4": ("b", 1.4, 1.8),
    "_b5": ("b", 1.6, 2.2),
    "_b6": ("b", 1.8, 2.6),
    "_b7": ("b", 2.0, 3.1),
    "_b8": ("b", 2.2, 3.6),
    "_l2": ("b", 4.3, 5.3),
    "_lite0": ("lite", 1.0, 1.0),
    "_lite1": ("lite", 1.0, 1.1),
    "_lite2": ("lite", 1.1, 1.2),
    "_lite3": ("lite", 1.2, 1.4),
    "_lite4": ("lite", 1.4, 1.8),
    "v2_b0": ("v2_b", 1.0, 1.0),
    "v2_b1": ("v2_b", 1.0, 1.1),
    "v2_b2": ("v2_b", 1.1, 1.2),
    "v2_b3": ("v2_b", 1.2, 1.4),
    "v2_rw_t": ("v2_s", 0.8, 0.9),
    "v2_rw_s": ("v2_rw", 1.0, 1.0),
    "v2_rw_m": ("v2_rw", 1.2, (1.2, 1.2, 1.2, 1.2, 1.6, 1.6)),
    "v2_s": ("v2_s", 1.0, 1.0),
    "v2_m": ("v2_m", 1.0, 1.0),
    "v2_l": ("v2_l", 1.0, 1.0),
    "v2_xl": ("v2_xl", 1.0, 1.0),
}
_NAME = re.compile(r"(?P<tf>tf_)?efficientnet(?P<size>.+)")
_HARMLESS = {"num_classes", "in_chans", "global_pool"}


def timm_fields(source: Mapping[str, Any], faults: Faults) -> Mapping[str, Any]:
    """What timm's `architecture`, `model_args` and `pretrained_cfg` say, in the config's fields."""
    name = str(source["architecture"])
    found = _NAME.fullmatch(name)
    if not found or found["size"] not in _SIZES:
        faults.add(f"architecture = '{name}' is none of the EfficientNets that zoo knows")
        return {}
    args = table_of(source, "model_args", faults)
    for key, value in args.items():
        if key not in _HARMLESS | {"drop_rate", "drop_path_rate"}:
            faults.add(f"model_args.{key} = {value!r} is not supported")
    check_pooling(source, args, faults)
    return {
        "variant": name,
        "num_channels": channels_of(source, args, faults),
        "dropout_rate": args.get("drop_rate", 0.0),
        "drop_connect_rate": args.get("drop_path_rate", 0.0),
    }


def timm_plan(name: str, dropout: float, drop: float) -> Plan:
    """The plan of a name that `timm_fields` let pass.

    Networks that were trained in TensorFlow (`tf_`) pad as it does, and have its epsilon.
    """
    found = _NAME.fullmatch(name)
    assert found is not None
    key, width, depth = _SIZES[found["size"]]
    family = _FAMILIES[key]
    padding: Padding = "same" if found["tf"] else None

    def scaled(channels: int) -> int:
        return divisible(channels * width, limit=family.limit)

    depths = _depths(family, depth)
    stem = scaled(family.stem) if family.scaled_ends else family.stem
    stages, before, number = [], stem, 0
    for row, repeats in zip(family.rows, depths, strict=True):
        stage = []
        for j in range(repeats):
            stride = 1 if j else row.stride
            stage.append(_block(row, before, scaled(row.width), stride, padding, drop * number / sum(depths)))
            before, number = scaled(row.width), number + 1
        stages.append(tuple(stage))
    return Plan(
        stem=stem,
        stages=tuple(stages),
        top=scaled(family.top) if family.scaled_top else family.top,
        act=family.act,
        epsilon=1e-3 if found["tf"] else 1e-5,
        stem_padding=padding,
        dropout=dropout,
        drops_examples=True,
    )


def _depths(family: Family, depth: float | tuple[float, ...]) -> list[int]:
    factors = depth if isinstance(depth, tuple) else (depth,) * len(family.rows)
    scaled = [math.ceil(row.depth * factor) for row, factor in zip(family.rows, factors, strict=True)]
    if not family.scaled_ends:
        scaled[0], scaled[-1] = family.rows[0].depth, family.rows[-1].depth
    return scaled


def _block(row: Row, before: int, width: int, stride: int, padding: Padding, drop: float) -> BlockPlan:
    inner = {"separable": before, "plain": width}.get(row.kind, divisible(before * row.ratio))
    return BlockPlan(
        kind=row.kind,
        width=width,
        inner=inner,
        size=row.size,
        stride=stride,
        squeezed=round(inner * row.squeeze / row.ratio),
        adds=stride == 1 and before == width,
        padding=padding,
        drop=drop,
    )
