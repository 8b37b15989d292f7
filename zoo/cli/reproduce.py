"""`zoo reproduce`"""

from __future__ import annotations

import click

from zoo.cli.console import json_option, print_json, print_table, use_keras
from zoo.cli.terminal import Terminal
from zoo.train.reproduce import reproduce
from zoo.train.run import Run


@click.command("reproduce")
@click.argument("run", metavar="RUN")
@click.option("--output", help="The directory of the repetition; runs/NAME-again by default.")
@json_option
@click.pass_context
def command(context: click.Context, run: str, output: str | None, as_json: bool) -> None:
    """Make RUN again from its recipe, and tell whether the result is the same.

    Exits with 1 where it is not. What has changed since, of data or weights, is named, and nothing is started.
    """
    first = Run(run)
    with Terminal() as terminal:
        terminal.stage("starting")
        use_keras()
        found = reproduce(first, output=output, listener=terminal)
    if as_json:
        print_json(found.written())
    else:
        rows = [[name, f"{then:.6g}", f"{now:.6g}"] for name, (then, now) in found.metrics.items()]
        rows.append(["weights", "", "the same, bit for bit" if found.identical else "not the same"])
        print_table(["", str(first.path), str(found.run.path)], rows)
        for line in found.changed:
            click.echo(f"changed  {line}")
    context.exit(0 if found.matches else 1)
