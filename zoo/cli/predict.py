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
    outputs = getattr(loaded, loaded.verb)(texts)
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
    from zoo.data.readers import FORMATS

    path = Path(inputs[0]).expanduser()
    if len(inputs) == 1 and (path.is_file() or (path.suffix.lower() in FORMATS and " " not in inputs[0])):
        return _rows(path, column, data)
    if column:
        raise ZooError("--column names a column of a file, and no data file was given.")
    if data.text_pair:
        raise ZooError(
            "This run reads pairs of texts, and single ones were given.",
            fix=f"Give a data file with the columns '{data.text}' and '{data.text_pair}'.",
        )
    return list(inputs)


def _rows(path: Path, column: str | None, data: DataKeys) -> list[str] | list[tuple[str, str]]:
    from zoo.data.columns import choose_columns
    from zoo.data.examples import read_examples
    from zoo.data.readers import read_table

    table = read_table(path)
    known = column or (data.text if data.text in table.columns else None)
    pair_is_there = data.text_pair is None or data.text_pair in table.columns
    try:
        columns = choose_columns(table, text=known, text_pair=data.text_pair, need_label=False)
    except ZooError as error:
        fix = "Say which has the texts: --column NAME." if pair_is_there else error.fix
        raise ZooError(error.what, why=error.why, fix=fix) from error
    click.echo(f"column '{columns.text}' of {path}", err=True)
    return read_examples(table, columns).inputs


def _shown(row: Any) -> str:
    if isinstance(row, dict):
        return f"{row['label']}\t{row['score']:.4f}"
    if row and isinstance(row[0], float):
        return f"[{', '.join(f'{x:.4f}' for x in row[:4])}, ... {len(row)} numbers]"
    return json.dumps(row, ensure_ascii=False)
