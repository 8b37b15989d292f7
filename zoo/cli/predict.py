"""`zoo predict`"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from zoo.cli.console import input_lines, json_option, print_json, use_keras
from zoo.errors import Faults, ZooError
from zoo.train.recipe import DataKeys


@click.command("predict")
@click.argument("model", metavar="RUN|PRESET")
@click.argument("inputs", nargs=-1, required=True, metavar="TEXT...|FILE|PICTURE...|-")
@click.option("--column", help="The column of FILE with the inputs; guessed where it is left out.")
@click.option("--top-k", type=click.IntRange(1), help="So many labels of each input, the most probable first.")
@click.option("--skip-faulty", is_flag=True, help="Leave out pictures that cannot be read, and name them.")
@click.option("--allow-urls", is_flag=True, help="Fetch pictures that are given as http or https URLs.")
@json_option
def command(
    model: str,
    inputs: tuple[str, ...],
    column: str | None,
    top_k: int | None,
    skip_faulty: bool,
    allow_urls: bool,
    as_json: bool,
) -> None:
    """Apply RUN or PRESET to texts, to pictures or folders of them, or to every row of a data file.

    A .txt file has a text on each line, and so has standard input, which - stands for. One line of output for each;
    where several labels may be right, it has all that are more probable than not.
    """
    use_keras()
    from zoo.loading import is_here, load

    if not is_here(model):
        _check_urls(inputs, allow_urls, model, _takes_pictures(model))  # before weights are fetched
    loaded = load(model)  # first, for only its files say what it takes
    pictures = loaded.inputs == "images"
    _check_urls(inputs, allow_urls, model, pictures)
    asked: dict[str, Any] = {"allow_urls": True} if allow_urls else {}
    if top_k:
        if loaded.verb != "classify":
            raise ZooError(f"--top-k is for models that tell labels, and {model} is for {loaded.task}.")
        asked["top_k"] = top_k
    if skip_faulty and (allow_urls or not pictures):
        raise ZooError("--skip-faulty is for files of pictures.")
    texts = (_pictures if pictures else _texts)(inputs, column, _read_by(model))
    numbers: Sequence[int] = range(1, len(texts) + 1)
    if skip_faulty:
        texts, numbers = _sound(texts)
    outputs = getattr(loaded, loaded.verb)(texts, **asked)
    rows = outputs.tolist() if hasattr(outputs, "tolist") else outputs
    if as_json:
        named = [
            {"input": None, "row": n} if isinstance(text, bytes) else {"input": text}
            for n, text in zip(numbers, texts, strict=True)
        ]
        print_json([{**one, "output": row} for one, row in zip(named, rows, strict=True)])
        return
    for n, text, row in zip(numbers, texts, rows, strict=True):
        shown = f"row {n}" if isinstance(text, bytes) else text if isinstance(text, str) else " / ".join(text)
        click.echo(f"{_shown(row)}\t{' '.join(shown.split())}")


def _takes_pictures(model: str) -> bool:
    """Whether a model is one for pictures, as the catalogue or its config says; its weights are not fetched."""
    from zoo.hub.description import kind_of
    from zoo.loading import locate
    from zoo.registry.code import architecture_of, find_architecture, qualified_architecture
    from zoo.registry.presets import find_preset, is_preset

    if is_preset(model):
        preset = find_preset(model)
        architecture = qualified_architecture(preset.architecture, preset.plugin)
    else:
        architecture = architecture_of(kind_of(locate(model, "random").source))
    return find_architecture(architecture).modality == "image"


def _check_urls(inputs: tuple[str, ...], allowed: bool, model: str, pictures: bool) -> None:
    """Raise a ZooError for pictures that are URLs where these are not allowed, and where they are for nothing."""
    from zoo.data.images import read_image
    from zoo.data.web import URL

    if allowed and not pictures:
        raise ZooError(f"--allow-urls is for pictures, and {model} takes texts.")
    for url in filter(URL.match, inputs if pictures and not allowed else ()):
        read_image(url)  # says that it is one


def _read_by(model: str) -> DataKeys:
    """How a run read its data, which is how it is to read more; of what is no run, nothing is known."""
    from zoo.train.run import Run

    if not Path(model, "recipe.toml").is_file():
        return DataKeys()
    recipe = Run(model).recipe
    if recipe.model.task == "feature-extraction":  # what learned from pairs of texts embeds single ones
        recipe = recipe.replace("data", text_pair=None)
    return recipe.data


def _pictures(inputs: tuple[str, ...], column: str | None, data: DataKeys) -> Sequence[str | bytes]:
    """The pictures named, those of the folders named, or those of a data file's rows."""
    from zoo.data.columns import choose_image_columns
    from zoo.data.image_examples import read_image_examples
    from zoo.data.image_folder import pictures_in
    from zoo.data.readers import FORMATS, read_table

    inputs = tuple(input_lines()) if inputs == ("-",) else inputs
    if len(inputs) == 1 and Path(inputs[0]).suffix.lower() in FORMATS:
        table = read_table(inputs[0])
        known = column or (data.image if data.image in table.columns else None)
        try:
            columns = choose_image_columns(table, image=known, need_label=False)
        except ZooError as error:
            raise ZooError(error.what, why=error.why, fix="Say which has the pictures: --column NAME.") from error
        click.echo(f"column '{columns.image}' of {inputs[0]}", err=True)
        return read_image_examples(table, columns).inputs
    if column:
        raise ZooError("--column names a column of a file, and no data file was given.")
    return [path for given in inputs for path in pictures_in(given)]


def _sound(pictures: Sequence[Any]) -> tuple[Sequence[Any], Sequence[int]]:
    """The pictures that can be read, and their numbers; the others are named. Raises a ZooError where none can."""
    from zoo.data.examples import Examples
    from zoo.data.image_examples import inspect, without_faulty
    from zoo.data.row_faults import SKIP

    notes: list[str] = []
    examples = Examples(pictures, None, range(1, len(pictures) + 1), "the pictures")
    kept = without_faulty(examples, inspect(examples, decode=True).faults, SKIP, notes)
    for note in notes:
        click.echo(note, err=True)
    return kept.inputs, kept.rows


def _texts(
    inputs: tuple[str, ...], column: str | None, data: DataKeys
) -> Sequence[str] | Sequence[tuple[str, str]]:
    from zoo.data.file_names import names_a_file

    # os.path's, not Path's: a text may be longer than any file's name, and begin with ~.
    path = Path(os.path.expanduser(inputs[0]))
    if len(inputs) == 1 and (os.path.isfile(path) or (names_a_file(inputs[0]) and not os.path.isdir(path))):
        return _rows(path, column, data)
    if column:
        raise ZooError("--column names a column of a file, and no data file was given.")
    if data.text_pair:
        raise ZooError(
            "This run reads pairs of texts, and single ones were given.",
            fix=f"Give a data file with the columns '{data.text}' and '{data.text_pair}'.",
        )
    if inputs == ("-",):
        return input_lines()
    _check_texts(inputs)
    return list(inputs)


def _check_texts(inputs: tuple[str, ...]) -> None:
    """Raise a ZooError for texts that are none, or the names of files."""
    from zoo.data.file_names import names_a_file

    faults = Faults()
    for text in inputs:
        if not text.strip():
            faults.add("a text is empty")
        elif os.path.isfile(text):
            faults.add(f"'{text}' is a file")
        elif os.path.isdir(text):
            faults.add(f"'{text}' is a folder")
        elif names_a_file(text):
            faults.add(f"there is no file '{text}'")
    faults.check(
        "Texts were expected, each an argument.",
        fix="Give a data file alone, and texts without files; '-' takes texts as they are from standard input.",
    )


def _rows(path: Path, column: str | None, data: DataKeys) -> Sequence[str] | Sequence[tuple[str, str]]:
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
        return _shown([row])
    if row and isinstance(row[0], dict) and "label" in row[0]:
        return f"{', '.join(one['label'] for one in row)}\t{', '.join(format(one['score'], '.4f') for one in row)}"
    if row and isinstance(row[0], float):
        return f"[{', '.join(f'{x:.4f}' for x in row[:4])}, ... {len(row)} numbers]"
    return json.dumps(row, ensure_ascii=False)
