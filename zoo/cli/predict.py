"""`zoo predict`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from zoo.cli.console import json_option, print_json, use_keras
from zoo.errors import ZooError


@click.command("predict")
@click.argument("model", metavar="RUN|PRESET")
@click.argument("inputs", nargs=-1, required=True, metavar="TEXT...|FILE")
@click.option("--column", help="The column of FILE with the texts; guessed where it is left out.")
@json_option
def command(model: str, inputs: tuple[str, ...], column: str | None, as_json: bool) -> None:
    """Apply RUN or PRESET to texts, or to every row of a data file; one line of output for each."""
    texts = _texts(inputs, column)
    use_keras()
    from zoo.load import load

    loaded = load(model)
    outputs = getattr(loaded, loaded.verb)(texts)
    rows = outputs.tolist() if hasattr(outputs, "tolist") else outputs
    if as_json:
        print_json([{"input": text, "output": row} for text, row in zip(texts, rows, strict=True)])
        return
    for text, row in zip(texts, rows, strict=True):
        click.echo(f"{_shown(row)}\t{' '.join(text.split())}")


def _texts(inputs: tuple[str, ...], column: str | None) -> list[str]:
    from zoo.data.readers import FORMATS, read_table

    first = Path(inputs[0])
    if len(inputs) > 1 or first.suffix.lower() not in FORMATS:
        if column:
            raise ZooError("--column names a column of a file, and no data file was given.")
        return list(inputs)
    from zoo.data.columns import choose_columns
    from zoo.data.examples import read_examples

    table = read_table(first)
    columns = choose_columns(table, text=column, need_label=False)
    return [str(text) for text in read_examples(table, columns).inputs]


def _shown(row: Any) -> str:
    if isinstance(row, dict):
        return f"{row['label']}\t{row['score']:.4f}"
    if row and isinstance(row[0], float):
        return f"[{', '.join(f'{x:.4f}' for x in row[:4])}, ... {len(row)} numbers]"
    return json.dumps(row, ensure_ascii=False)
