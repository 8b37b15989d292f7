"""How commands speak: facts to stdout (as JSON on request), progress to stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

json_option: Callable[..., Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON and nothing else."
)


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
