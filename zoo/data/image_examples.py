"""Pictures as examples: their column in a table, and what is wrong with them before any is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from zoo.data.columns import ImageColumns
from zoo.data.examples import Examples
from zoo.data.images import measured, read_image
from zoo.data.preprocessing import ImagePreprocessor
from zoo.data.problems import SINGLE, classes_of, guess_problem, read_labels
from zoo.data.row_faults import REFUSE, RowFaults
from zoo.data.table import Table
from zoo.errors import ZooError, counted, some


@dataclass(frozen=True)
class Inspection:
    """What is known of each picture of a set.

    Args:
        digests: the sha256 of each file.
        faults: `{place: what is wrong}`.
    """

    digests: Sequence[str]
    faults: dict[int, str]


def read_image_examples(
    table: Table, columns: ImageColumns, *, problem: str = "", separator: str = "|", faults: RowFaults | None = None
) -> Examples:
    """The examples of a table: paths, relative to the table's own folder, or the files' bytes.

    The arguments are those of `read_examples`.

    Raises a ZooError that names the rows without a picture or a label.
    """
    found = RowFaults(table.source) if faults is None else faults
    home = Path(table.source).expanduser().parent
    inputs = [_picture(value, home) for value in table.column(columns.image)]
    for n, value in enumerate(inputs):
        if not value:
            found.add(f"Without a picture (column '{columns.image}')", n)
    labels = None
    if columns.label is not None:
        values = table.column(columns.label)
        problem = problem or guess_problem(values)
        labels = read_labels(values, columns.label, problem, separator, found)
    if faults is None:
        found.check_whole()
    return Examples(inputs, labels, table.numbers, table.source, problem or SINGLE)


def _picture(value: Any, home: Path) -> str | bytes:
    if isinstance(value, dict):  # as the Hub's data sets keep pictures
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str) and value and "://" not in value:
        return str(home / Path(value).expanduser())
    return value or ""


def picture_name(examples: Examples, n: int) -> str:
    """What messages call a picture: its path, or its row."""
    raw = examples.inputs[n]
    return f"'{raw}'" if isinstance(raw, str) else f"The picture in row {examples.rows[n]} of '{examples.source}'"


def inspect(examples: Examples, *, decode: bool) -> Inspection:
    """Look at every picture in threads: its bytes, and its header or, with `decode`, all of it."""

    def look(n: int) -> tuple[str, str]:
        raw, name = examples.inputs[n], picture_name(examples, n)
        try:
            data = raw if isinstance(raw, bytes) else _bytes(raw, name)
            size = read_image(data, name=name).size if decode else measured(data, name=name)
            if 1 in size:
                raise ZooError(f"{name} is {size[0]} x {size[1]}: there is nothing to see in it.")
        except ZooError as error:
            return "", error.what
        return hashlib.sha256(data).hexdigest(), ""

    with ThreadPoolExecutor() as pool:
        found = list(pool.map(look, range(len(examples))))
    return Inspection([digest for digest, _ in found], {n: fault for n, (_, fault) in enumerate(found) if fault})


def _bytes(path: str, name: str) -> bytes:
    if "://" in path:
        read_image(path)  # says that it is a URL
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ZooError(f"{name} cannot be read: {error.strerror}.") from error


def thin(examples: Examples, preprocess: ImagePreprocessor) -> dict[int, str]:
    """`{place: what is wrong}` of the pictures that an evaluation cannot crop, or shows hardly anything of."""

    def look(n: int) -> str:
        width, height = measured(examples.inputs[n], name=picture_name(examples, n))
        fault = preprocess.fault_of(width, height)
        return f"{picture_name(examples, n)} is {width:,} x {height:,}: {fault}." if fault else ""

    with ThreadPoolExecutor() as pool:
        return {n: fault for n, fault in enumerate(pool.map(look, range(len(examples)))) if fault}


def without_faulty(
    examples: Examples, faults: dict[int, str], faulty: str, notes: list[str], can: str = "be read"
) -> Examples:
    """The examples without those whose pictures have faults, which the notes count and name.

    Args:
        can: what they cannot.

    Raises a ZooError that names them with `refuse`, and where no picture is left of a class.
    """
    if not faults:
        return examples
    none_left = len(faults) == len(examples)
    if faulty == REFUSE or none_left:
        skips = "" if none_left else '; data.faulty = "skip" leaves them out, and counts them'
        raise ZooError(
            f"'{examples.source}' has {counted(len(faults), 'picture')} that cannot {can}"
            f"{', and no others' * none_left}.",
            why=first_of(list(faults.values())),
            fix=f"Repair or remove them{skips}.",
        )
    kept = examples.select(n for n in range(len(examples)) if n not in faults)
    if lost := sorted(classes_of(examples.labels or ()).keys() - classes_of(kept.labels or ()).keys()):
        raise ZooError(
            f"No picture of {some(lost)} in '{examples.source}' can {can}.",
            why=first_of(list(faults.values())),
            fix="Repair the pictures, or remove the class.",
        )
    named = some(picture_name(examples, n) for n in faults)
    notes.append(f"{len(faults):,} of '{examples.source}' cannot {can} and are left out: {named}")
    return kept


def refuse_same(train: Examples, held_out: Examples, pairs: Sequence[tuple[int, int]]) -> NoReturn:
    """A ZooError that names the pictures that are both trained on and tested on."""
    told = [f"{picture_name(train, n)} is {picture_name(held_out, other)}" for n, other in pairs]
    raise ZooError(
        f"{counted(len(pairs), 'picture is', 'pictures are')} both in training and held out, "
        "so that scores would be too good.",
        why=first_of(told),
        fix="Remove them from one of the two; data.dedupe = true leaves them out of training, and counts them.",
    )


def first_of(lines: list[str], most: int = 8) -> list[str]:
    """The lines, cut after `most`, with how many more there are."""
    return lines if len(lines) <= most else [*lines[:most], f"... and {len(lines) - most:,} more"]
