"""Data sets that need no download: built at run time from what every installation has."""

from __future__ import annotations

import zoo


@zoo.hookimpl
def zoo_datasets() -> list[zoo.DataSet]:
    from zoo_datasets import digits, docstrings, functions

    return [
        zoo.DataSet(
            name="docstrings",
            description="which library is this docstring from? first paragraphs, read from source files",
            load=docstrings.load,
            columns={"text": "text", "label": "label"},
        ),
        zoo.DataSet(
            name="digits",
            description="handwritten digits: 1,797 pictures of 8 x 8 pixels, from scikit-learn",
            load=digits.load,
            columns={"image": "image", "label": "label"},
        ),
        zoo.DataSet(
            name="functions",
            description="which code does this sentence document? pairs, read from source files",
            load=functions.load,
            columns={"text": "summary", "text_pair": "code"},
        ),
    ]
