"""The curves of a run's history, as inline SVG that carries no script and no style of its own.

The drawing is pygal's; what the page needs to style, print and read aloud is put into the tree afterwards.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from xml.etree import ElementTree

import pygal
from pygal.style import Style

Point = tuple[float, float]  # step, value

WIDTH, HEIGHT = 560, 300
MOST_POINTS = 400  # more than a chart of this width can show


@dataclass(frozen=True)
class Series:
    """One curve. `look` is the CSS class that gives it its colour and line."""

    name: str
    look: str
    points: Sequence[Point]
    dots: bool = False


@dataclass(frozen=True)
class Chart:
    """A drawn chart: the SVG text, and the (look, name) pairs of its legend."""

    svg: str
    legend: list[tuple[str, str]]


def loss_chart(history: Sequence[dict]) -> Chart | None:
    """Training loss, raw and smoothed, and validation loss; None where the history has neither."""
    trained = thin(curve([record for record in history if "split" not in record], "loss"))
    half = max(1, len(trained) // 20) if len(trained) > 8 else 0
    series = [Series("training", "train", smooth(trained, half))]
    if half:
        series.insert(0, Series("training, unsmoothed", "raw", trained))
    series.append(Series("validation", "validation", curve(validations(history), "loss"), dots=True))
    return line_chart("loss", series, end=last_step(history))


def score_chart(
    history: Sequence[dict], names: Sequence[str], baseline: tuple[str, float] | None = None
) -> Chart | None:
    """Validation scores over the steps, the first of `names` in front; None where there are none.

    `baseline`, a name and a share, is drawn as a level line.
    """
    records = validations(history)
    looks = ["score", "second", "third"]
    drawn = zip(names, looks, strict=False)
    scores = [Series(title(name), look, curve(records, name), dots=True) for name, look in drawn]
    scores = [one for one in scores if one.points]
    if not scores:
        return None
    percent = all(is_share(name) for name in names)
    series = list(reversed(scores))
    if baseline is not None and percent:
        name, share = baseline
        level = [(0.0, share), (last_step(history), share)]
        series.insert(0, Series(name.partition(",")[0], "baseline", level))
    name = "validation score" if len(scores) > 1 else f"validation {scores[0].name}"
    return line_chart(name, series, end=last_step(history), percent=percent)


def validations(history: Sequence[dict]) -> list[dict]:
    """The records of the evaluations made during training."""
    return [record for record in history if record.get("split") == "validation" and not record.get("final")]


def last_step(history: Sequence[dict]) -> float:
    """The step at which the axes end; never 0."""
    return max([1.0, *(float(record["step"]) for record in history)])


def is_share(metric: str) -> bool:
    """Whether a metric is by its name a part of one, and so is shown in per cent."""
    return any(
        word in metric for word in ("accuracy", "f1", "precision", "recall", "auc", "exact_match", "mrr", "rouge")
    )


def title(metric: str) -> str:
    """A metric's name for people: `macro_f1` is `macro F1`."""
    return metric.replace("_", " ").replace("f1", "F1")


def curve(records: Sequence[dict], name: str) -> list[Point]:
    """The finite values of one metric over the steps."""
    return [(float(r["step"]), float(r[name])) for r in records if is_finite(r.get(name))]


def is_finite(value: object) -> bool:
    """Whether a record's value is a number that can be shown."""
    return isinstance(value, Real) and math.isfinite(value)


def thin(points: Sequence[Point], limit: int = MOST_POINTS) -> list[Point]:
    """At most `limit` points: where there are more, the means of neighbours."""
    size = math.ceil(len(points) / limit) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(_mean([x for x, _ in group]), _mean([y for _, y in group])) for group in groups]


def smooth(points: Sequence[Point], half: int) -> list[Point]:
    """A centred moving mean over `2 * half + 1` points, over fewer at the ends; the steep start is kept."""
    windows = [points[i - min(i, half) : i + min(i, half) + 1] for i in range(len(points))]
    return [(x, _mean([y for _, y in window])) for (x, _), window in zip(points, windows, strict=True)]


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round, evenly spaced numbers from `low` or less to `high` or more, about `most` steps of them."""
    span = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-12)
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * m for m in (1, 2, 2.5, 5, 10, 20) if power * m * most >= span)
    first, last = math.floor(round(low / step, 6)), math.ceil(round(high / step, 6))
    return [i * step for i in range(first, last + 1)]


def line_chart(y_title: str, series: Sequence[Series], *, end: float, percent: bool = False) -> Chart | None:
    """Draw the series, the last in front, over the steps 0 to `end`; None where no series has a point."""
    series = [one for one in series if one.points]
    if not series:
        return None
    values = [y for one in series for _, y in one.points]
    low, high = min(values), max(values)
    if low == high or 0 < low < high / 2:
        low, high = min(low, 0.0), max(high, 0.0)
    levels = ticks(low, high)
    scale, unit = (100, "%") if percent else (1, "")

    def write(value: float) -> str:
        return f"{scale * value:.4g}{unit}"

    chart = pygal.XY(
        js=[],
        no_prefix=True,
        disable_xml_declaration=True,
        width=WIDTH,
        height=HEIGHT,
        margin=4,
        margin_top=14,
        margin_right=12,
        spacing=4,
        show_legend=False,
        style=Style(label_font_size=15, title_font_size=15),
        title=y_title,
        x_title="training step",
        xrange=(0, end),
        range=(levels[0], levels[-1]),
        x_labels=[tick for tick in ticks(0, end) if tick <= end and tick == int(tick)],
        y_labels=levels,
        y_labels_major=levels,
        x_value_formatter=lambda x: f"{x:,.0f}",
        value_formatter=lambda y: f"{scale * y:.6g}{unit}",
        truncate_label=-1,
        dots_size=3.5,
    )
    for one in series:
        chart.add(
            one.name,
            [{"value": point} for point in one.points],
            show_dots=one.dots,
            formatter=lambda point, name=one.name: f"{name} {write(point[1])} at step {point[0]:,.0f}",
        )
    told = "; ".join(_tell(one, write) for one in series if one.look not in ("raw", "baseline"))
    svg = _clean(chart.render(), [one.look for one in series], f"{y_title} over the training steps. {told}.")
    legend = [(one.look, one.name) for one in reversed(series)]
    return Chart(svg, legend)


def _clean(drawn: str, looks: Sequence[str], description: str) -> str:
    """pygal's SVG without its script, style, ids and empty groups, labelled for those who cannot see it."""
    root = ElementTree.fromstring(drawn)
    for parent in list(root.iter()):
        for child in list(parent):
            kind, name = child.tag.rpartition("}")[2], child.get("class", "")
            if kind == "desc" and name == "value":  # what hovering over a dot tells
                child.tag = "title"
                child.attrib.clear()
            elif kind in ("defs", "desc", "title") or "tooltip-overlay" in name or name == "background":
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for key, value in element.attrib.items():
            element.attrib[key] = re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]):.4g}", value)
        name = element.get("class", "")
        if found := re.match(r"series serie-(\d+)", name):
            element.set("class", f"series {looks[int(found[1])]}")
        if "plot_title" in name:
            element.set("x", "0")
    root.attrib.clear()
    root.attrib |= {
        "class": "chart",
        "viewBox": f"0 0 {WIDTH} {HEIGHT}",
        "role": "img",
        "aria-label": description,
    }
    return ElementTree.tostring(root, encoding="unicode")


def _tell(series: Series, write: Callable[[float], str]) -> str:
    (first, start), (last, end) = series.points[0], series.points[-1]
    if len(series.points) == 1:
        return f"{series.name}: {write(start)} at step {first:,.0f}"
    return f"{series.name}: from {write(start)} at step {first:,.0f} to {write(end)} at step {last:,.0f}"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
