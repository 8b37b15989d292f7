"""How commands speak: facts to stdout (as JSON on request), progress to stderr."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from zoo.errors import ZooError

json_option: Callable[..., Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON and nothing else."
)

data_option: Callable[..., Any] = click.option("--data", help="Training data: short for --set data.train=...")
task_option: Callable[..., Any] = click.option(
    "--task", help="What the model is to do: short for --set model.task=..."
)


def set_option(help: str, metavar: str = "KEY=VALUE") -> Callable[..., Any]:
    """`--set`, as often as there are keys to change."""
    return click.option("--set", "overrides", multiple=True, metavar=metavar, help=help)


def input_lines() -> list[str]:
    """The lines of standard input that are not blank. Raises a ZooError where there are none."""
    from zoo.data.plain_lines import plain_lines

    try:
        lines = list(plain_lines(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig")))
    except UnicodeDecodeError as error:
        raise ZooError("Standard input is not UTF-8.", why=str(error)) from error
    if not lines:
        raise ZooError("Standard input has no lines.", fix="'-' reads an input from each line.")
    return lines


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Left-aligned columns, as wide as they need to be."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for number, line in enumerate(lines):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)


def print_facts(facts: dict[str, str]) -> None:
    """Names and values, one a line."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {value}")


def use_keras() -> None:
    """Import Keras as a command wants it: on jax, without what it would only import because it is installed."""
    import logging
    import warnings

    from zoo.backend import use_jax

    logging.getLogger("jax._src.xla_bridge").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="keras")
    use_jax(lean=True)
