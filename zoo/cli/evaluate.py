"""`zoo evaluate`"""

from __future__ import annotations

import click

from zoo.cli.console import json_option, print_facts, print_json, set_option, use_keras
from zoo.train.listener import Silent


class _Telling(Silent):
    """Says what is left or cut out of the data, and what was seen before."""

    def fact(self, name: str, value: str) -> None:
        click.echo(f"{name}: {value}", err=True)


@click.command("evaluate")
@click.argument("run")
@click.option("--data", required=True, help="A labelled file, or a data set (its test rows).")
@click.option(
    "--answers",
    multiple=True,
    metavar="METRIC",
    help="Have a language model answer, too: exact_match, rouge_l, or file.py:function.",
)
@click.option("--max-new-tokens", type=click.IntRange(1), help="The most tokens of an answer.")
@click.option("--limit", type=click.IntRange(1), help="Ask only so many of the rows.")
@set_option("Read the data otherwise than in training.", "data.KEY=VALUE")
@json_option
def command(
    run: str,
    data: str,
    answers: tuple[str, ...],
    max_new_tokens: int | None,
    limit: int | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Score RUN on data it has not seen."""
    from zoo.train.evaluate import evaluate
    from zoo.train.run import Run

    opened = Run(run)
    use_keras()
    metrics = evaluate(
        opened,
        data,
        answers=answers,
        max_new_tokens=max_new_tokens,
        limit=limit,
        overrides=overrides,
        listener=_Telling(),
    )
    if as_json:
        print_json({"run": run, "data": data, "metrics": metrics})
        return
    print_facts({name: f"{value:.4f}" for name, value in metrics.items()})
