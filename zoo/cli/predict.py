"""`zoo predict`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from zoo.cli.console import json_option, print_json, use_keras
from zoo.errors import ZooError
from zoo.train.recipe import DataKeys


@click.command("predict")
@click.argument("model", metavar="RUN|PRESET")
@click.argument("inputs", nargs=-1, required=True, metavar="TEXT...|FILE")
@click.option("--column", help="The column of FILE with the texts; guessed where it is left out.")
@json_option
def command(model: str, inputs: tuple[str, ...], column: str | None, as_json: bool) -> None:
    """Apply RUN or PRESET to texts, or to every row of a data file; one line of output for each."""
    data = _trained_on(model)
    texts = _texts(inputs, column, data)
    use_keras()
    from zoo.loading import load

    loaded = load(model)
    outputs = getattr(loaded, loaded.verb)(texts, max_length=data.max_length)
    rows = outputs.tolist() if hasattr(outputs, "tolist") else outputs
    if as_json:
        print_json([{"input": text, "output": row} for text, row in zip(texts, rows, strict=True)])
        return
    for text, row in zip(texts, rows, strict=True):
        shown = text if isinstance(text, str) else " / ".join(text)
        click.echo(f"{_shown(row)}\t{' '.join(shown.split())}")


def _trained_on(model: str) -> DataKeys:
    """How a run read its data, which is how it is to read more; the defaults for what is no run."""
    from zoo.train.run import Run

    return Run(model).recipe.data if Path(model, "recipe.toml").is_file() else DataKeys()


def _texts(inputs: tuple[str, ...], column: str | None, data: DataKeys) -> list[str] | list[tuple[str, str]]:
    from zoo.data.readers import FORMATS, read_table

    first = Path(inputs[0])
    if len(inputs) > 1 or first.suffix.lower() not in FORMATS:
        if column:
            raise ZooError("--column names a column of a file, and no data file was given.")
        if data.text_pair:
            raise ZooError(
                "This run reads pairs of texts, and single ones were given.",
                fix=f"Give a data file with the columns '{data.text}' and '{data.text_pair}'.",
            )
        return list(inputs)
    from zoo.data.columns import choose_columns
    from zoo.data.examples import read_examples

    table = read_table(first)
    known = column or (data.text if data.text in table.columns else None)
    try:
        columns = choose_columns(table, text=known, text_pair=data.text_pair, need_label=False)
    except ZooError as error:
        raise ZooError(error.what, why=error.why, fix="Say which has the texts: --column NAME.") from error
    return read_examples(table, columns).inputs


def _shown(row: Any) -> str:
    if isinstance(row, dict):
        return f"{row['label']}\t{row['score']:.4f}"
    if row and isinstance(row[0], float):
        return f"[{', '.join(f'{x:.4f}' for x in row[:4])}, ... {len(row)} numbers]"
    return json.dumps(row, ensure_ascii=False)
