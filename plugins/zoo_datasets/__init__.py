"""Data sets that need no download: built at run time from what every installation has."""

from __future__ import annotations

import zoo


@zoo.hookimpl
def zoo_datasets() -> list[zoo.DataSet]:
    from zoo_datasets import docstrings

    return [
        zoo.DataSet(
            name="docstrings",
            description="which library is this docstring from? first paragraphs, read from source files",
            load=docstrings.load,
            columns={"text": "text", "label": "label"},
        )
    ]
