"""Scoring a run on data it has not seen."""

from __future__ import annotations

from pathlib import Path

from zoo.data.columns import choose_columns
from zoo.data.examples import read_examples
from zoo.data.labels import check_known
from zoo.errors import Faults
from zoo.registry.code import dataset_names
from zoo.train.run import Run
from zoo.train.splits import read_rows


def evaluate(run: str | Path | Run, data: str | Path) -> dict[str, float]:
    """The scores of a run's model on a file, or on the test rows of a registered data set.

    The columns are those the run was trained on. Raises a ZooError for rows without a label, and for labels
    that training never saw.
    """
    from zoo.data.readers import check_readable
    from zoo.train.scores import score

    run = run if isinstance(run, Run) else Run(run)
    if str(data) not in dataset_names():
        faults = Faults()
        check_readable(data, faults, "--data")
        faults.check("The data cannot be read.")
    recipe = run.recipe
    rows = read_rows(str(data), "test")
    columns = choose_columns(rows, text=recipe.data.text, text_pair=recipe.data.text_pair, label=recipe.data.label)
    examples = read_examples(rows, columns)
    model = run.model()
    check_known(examples, model.labels, f"the run '{run.path}'")
    return score(model, examples).metrics
