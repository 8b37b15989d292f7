"""The page a run leaves behind: `report.html`, complete in itself, readable on paper and on a phone."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from zoo.train.answers import Answer
from zoo.train.charts import is_finite, is_share, loss_chart, score_chart, title, validations
from zoo.train.run import WHERE

MOST_CLASSES = 60  # beyond it a matrix is a wall: the report then lists the commonest confusions
NOTHING = "\N{EN DASH}"
NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Mistake:
    """One wrong answer.

    Args:
        row: the row of the data, from 1.
        label, predicted: what it was, and what the model said; `Report.told` has other names of both.
        probability: what the model gave its answer; None where it gives no probabilities.
        loss: what the answer cost.
        suspect: whether the label is worth a look.
        picture: a data URL.
    """

    row: int
    text: str
    label: str
    predicted: str
    probability: float | None
    loss: float = math.nan
    suspect: bool = False
    picture: str = ""

    @property
    def place(self) -> str:
        """Where a picture is found: its file's name, or its row in a table."""
        return Path(self.text).name if self.text else f"row {self.row}"


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    Args:
        title: the run's name.
        metrics: the final scores on the held-out rows; `score` names the one of the headline.
        interval: its 95% interval, or None.
        evaluated_on: which rows those are, as in "test (512 rows)".
        baselines: what the score is to be beside: names and values on its scale.
        history: the records of `metrics.jsonl`.
        confusion: counts, a row for each true label and a column for each predicted one, or None.
        decisions: of several labels a row, how often each is said rightly, is there, and is said.
        before: the scores of the same rows before training, where they were measured.
        mistakes: the wrong answers, or the texts, with the highest losses, the worst first.
        told: what `label` and `predicted` of these are.
        suspects: how many of the rows have a label that is worth a look.
        answers: some of what the model answered to questions of the held-out rows.
        seconds: where the time went, as names and seconds.
        advice: the one change that would have helped most, or empty.
        facts: section titles, each with its names and values.
        recipe: the text of the resolved recipe.
    """

    title: str
    preset: str
    task: str
    metrics: dict[str, float]
    score: str
    interval: tuple[float, float] | None
    evaluated_on: str
    baselines: list[tuple[str, float]]
    history: list[dict]
    labels: list[str]
    confusion: list[list[int]] | None
    mistakes: list[Mistake]
    facts: dict[str, dict[str, str]]
    recipe: str
    told: tuple[str, str] = ("label", "predicted")
    suspects: int = 0
    decisions: Sequence[Sequence[int]] = ()
    before: dict[str, float] = field(default_factory=dict)
    answers: Sequence[Answer] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    advice: str = ""


@dataclass(frozen=True)
class ClassScores:
    """How one class fared; a share is None where there is nothing to take it of."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def render_report(report: Report) -> str:
    """The whole HTML page. It refers to nothing outside itself and shows every text as text."""
    names = _score_names(report)
    baselines = [(name, value) for name, value in report.baselines if is_finite(value)]
    level = baselines[0] if baselines and is_share(report.score) else None
    evaluations = [record for record in report.history if "split" in record]
    page = _template().render(
        report=report,
        interval=report.interval if report.interval and all(map(is_finite, report.interval)) else None,
        baselines=baselines,
        share=is_share(report.score),
        losses=loss_chart(report.history),
        scores=score_chart(report.history, names, level),
        evaluations=evaluations,
        measured=list(dict.fromkeys(name for record in evaluations for name in record if name not in WHERE)),
        unusable=_unusable(report.history),
        parts=[(name, seconds) for name, seconds in report.seconds.items() if seconds >= 0.05],
        classes=class_scores(report.labels, report.decisions or decisions_of(report.confusion or [])),
        matrix=report.confusion if len(report.labels) <= MOST_CLASSES else None,
        confusions=confusions(report.labels, report.confusion or [])[:20],
    )
    return NOT_TEXT.sub("\ufffd", page)


def decisions_of(confusion: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    """How often each class of a confusion matrix is said rightly, is there, and is said."""
    return [(row[i], sum(row), sum(other[i] for other in confusion)) for i, row in enumerate(confusion)]


def class_scores(labels: Sequence[str], decisions: Sequence[Sequence[int]]) -> list[ClassScores]:
    """Precision, recall, F1 and support of every class, of how often it is said rightly, is there, and is said."""
    return [
        ClassScores(
            label=label,
            precision=hits / chosen if chosen else None,
            recall=hits / support if support else None,
            f1=2 * hits / (support + chosen) if support + chosen else None,
            support=support,
        )
        for label, (hits, support, chosen) in zip(labels, decisions, strict=False)
    ]


def confusions(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> list[tuple[str, str, int]]:
    """(true label, predicted label, count) of every kind of mistake, the commonest first."""
    found = [
        (labels[i], labels[j], count)
        for i, row in enumerate(confusion)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(found, key=lambda one: -one[2])


def _score_names(report: Report) -> list[str]:
    """The metrics to draw: the headline's, and those on the same scale as it."""
    known = {name for record in validations(report.history) for name in record}
    others = [name for name in report.metrics if name != report.score and name in known]
    return [report.score, *(name for name in others if is_share(name) and is_share(report.score))]


def _unusable(history: Sequence[dict]) -> int:
    """How many records hold a loss that no chart can show."""
    return sum("loss" in record and not is_finite(record["loss"]) for record in history)


def _template():
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "percent": _percent,
        "metric": metric_text,
        "duration": duration,
        "title": title,
        "finite": is_finite,
    }
    return pages.get_template("report.html")


def duration(seconds: float) -> str:
    """Seconds for people: `48 s`, `12 min`, `3 h 20 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _percent(share: float | None) -> str:
    return f"{share:.1%}" if share is not None and math.isfinite(share) else NOTHING


def metric_text(value: float | None, name: str) -> str:
    """A metric's value as people read it: a share in per cent, anything else in four digits."""
    if is_share(name):
        return _percent(value)
    return f"{value:.4g}" if value is not None and math.isfinite(value) else NOTHING
