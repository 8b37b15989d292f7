"""`zoo check`"""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.console import (
    data_option,
    json_option,
    print_facts,
    print_json,
    set_option,
    task_option,
    use_keras,
)
from zoo.cli.terminal import Terminal
from zoo.errors import counted
from zoo.train.finetune import resolve


@click.command("check")
@click.argument("what", metavar="PRESET|RECIPE")
@data_option
@task_option
@set_option("Change a key, such as train.batch_size=64.")
@click.option(
    "--show",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Print N examples as tokens, the trained ones marked.",
)
@json_option
def command(
    what: str, data: str | None, task: str | None, overrides: tuple[str, ...], show: int, as_json: bool
) -> None:
    """Look at what RECIPE would do, before any weight is fetched.

    Reads the data, builds the model of shapes only, compiles the step on the longest batch, and times it.
    """
    recipe = resolve(what, data=data, task=task, overrides=overrides)
    with Terminal() as terminal:
        terminal.stage("starting")
        use_keras()
        from zoo.train.check import check
        from zoo.train.preflight import size

        found = check(recipe, show=show, listener=terminal)
    if as_json:
        print_json(found.written())
        return
    frozen = "" if found.trainable == found.parameters else f", {found.trainable:,} of them trained"
    print_facts(
        {
            **found.data,
            **({"warning": "; ".join(found.warnings)} if found.warnings else {}),
            "weights": f"{found.parameters:,}{frozen}",
            "memory": f"{size(found.peak_bytes)} at most, of {size(found.memory_bytes)} free ({found.device})",
            "arithmetic": f"{_gigas(found.flops_per_step)} GFLOP in the largest step",
            "time": f"about {_duration(found.seconds)}: {counted(found.steps, 'step')}, of which the largest took "
            f"{found.seconds_per_step:.3g} s here on weights of zero, and the evaluations",
            "advice": found.advice or "none",
        }
    )
    for example in found.examples:
        _print_example(example)


def _print_example(example: Any) -> None:
    """The tokens of an example: those that are trained in « and », and in colour where there is one."""
    count = sum(example.trained)
    told = f"label '{example.label}'" if example.label else f"{count} of them trained"
    click.echo(click.style(f"\nrow {example.row}: {counted(len(example.ids), 'token')}, {told}", bold=True))
    runs = [
        click.style(f"«{text}»", fg="green", bold=True) if trained else click.style(text, dim=True)
        for trained, text in example.runs()
    ]
    click.echo(" ".join(runs))


def _gigas(number: float) -> str:
    return f"{number / 1e9:,.0f}" if number >= 1e10 else f"{number / 1e9:.2g}"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "a second"
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
