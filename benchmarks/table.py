"""Shows results: on the terminal, and as the table in the README."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.compare import Line, summary
from benchmarks.results import lines_of

BEGIN, END = "<!-- benchmarks:begin -->", "<!-- benchmarks:end -->"
QUIET = 0.5  # the load average above which other work disturbs: torch and XLA then wait for cores they have not
COLUMNS = ("", "ratio", "zoo", "beside it", "target")


def show(kept: dict, console: Console) -> None:
    """Print one result."""
    table = Table(*COLUMNS, title=kept["question"], title_justify="left")
    for line in lines_of(kept):
        style = {True: "green", False: "red", None: ""}[line.met]
        table.add_row(*cells(line), style=style)
    console.print(table)
    for told in _beside(kept):
        console.print(told, markup=False, highlight=False)
    for name, found in kept["agreement"].items():
        console.print(f"{name}: outputs differ by {found['difference']:.1e} ({found['tolerance']:.0e} allowed)")
    for name, reason in kept["excluded"].items():
        console.print(f"{name}: left out: {reason}", style="red", markup=False)
    console.print(conditions(kept), style="dim", markup=False, highlight=False)


def render(records: list[dict]) -> str:
    """The README's part between the marks: for each result a table, and under it what it was measured on."""
    return "\n".join("\n".join(_section(kept)) for kept in records)


def rewrite(readme: Path, records: list[dict]) -> None:
    """Put the table between the README's two marks.

    Raises:
        ValueError: the marks are not there, once each and in order.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"{readme.name} needs one line {BEGIN} and after it one line {END}")
    readme.write_text(f"{before}{BEGIN}\n{render(records)}\n{END}{after}", encoding="utf-8")


def cells(line: Line) -> tuple[str, str, str, str, str]:
    """A line as text: name, ratio (points between two accuracies), our value, theirs with who they are, target."""
    return (
        line.what,
        f"{100 * (line.our_value - line.their_value):+.1f} points"
        if line.of == "shortfall"
        else f"{line.ratio:.2f}x",
        _value(line.metric, line.our_value),
        f"{_value(line.metric, line.their_value)} ({line.theirs})",
        _target(line),
    )


def conditions(kept: dict) -> str:
    """How, on what machine and with which versions a result was measured."""
    machine = kept["hardware"]
    gpu = f"{machine['gpu']}; " if "gpu" in machine else ""
    versions = "; ".join(
        ", ".join(f"{name} {version}" for name, version in each.items()) for each in kept["versions"].values()
    )
    runs = f"Medians of {kept['runs']} runs in turn (accuracies: means)" if kept["runs"] > 1 else "One run of each"
    busy = kept["load_before"] > QUIET and not kept.get("gpu")  # which a CPU's load says nothing of
    disturbed = f". DISTURBED by other work (load {kept['load_before']})" if busy else ""
    return ". ".join(
        (
            runs,
            f"{gpu}{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']:.0f} GiB",
            f"Python {machine['python']}; {versions}",
            f"Commit {kept['commit']}, {kept['date'][:10]}{disturbed}",
        )
    )


def _section(kept: dict) -> list[str]:
    lines = [f"**{kept['question']}**", "", f"| {' | '.join(COLUMNS)} |", "|---|---:|---:|---:|---|"]
    for line in lines_of(kept):
        what, ratio, *others = cells(line)
        lines.append(f"| {' | '.join((what, f'**{ratio}**', *others))} |")
    lines += ["", f"<sub>{conditions(kept)}.</sub>"]
    if kept.get("gpu"):
        lines += [f"<sub>{told}.</sub>" for told in _beside(kept, only="mfu")]
    for name, reason in kept["excluded"].items():
        lines.append(f"<sub>{name} is left out: {reason}.</sub>")
    return [*lines, ""]


def _beside(kept: dict, only: str = "") -> Iterator[str]:
    """What was measured of each contender and stands in no line: all of it, or one metric."""
    compared = {(name, line.metric) for line in lines_of(kept) for name in (line.ours, line.theirs)}
    for name, metrics in kept["samples"].items():
        told = [
            f"{metric} {_value(metric, summary(metric, values))}"
            for metric, values in metrics.items()
            if (name, metric) not in compared and only in ("", metric)
        ]
        if told:
            yield f"{name}: {', '.join(told)}"


def _value(metric: str, value: float) -> str:
    if metric.endswith("_per_s"):
        return f"{value:,.0f} a second"
    if metric.endswith("_s"):
        return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"
    if metric.endswith("_programs"):
        return f"{value:g}"
    if metric.endswith("_mib"):
        return f"{value:,.0f} MiB"
    return f"{value:.1%}"


def _target(line: Line) -> str:
    if line.at_most is None:
        return ""
    limit = {
        "ratio": f"{line.at_most:g}x",
        "value": _value(line.metric, line.at_most),
        "excess": f"{_value(line.metric, line.at_most)} more",
        "shortfall": f"{line.at_most * 100:g} point{'s' * (line.at_most != 0.01)} less",
    }[line.of]
    return f"at most {limit}: {'met' if line.met else '**missed**'}"
