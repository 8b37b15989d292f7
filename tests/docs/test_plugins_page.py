"""docs/plugins.md: what it shows of layouts is one."""

from __future__ import annotations

import re
from pathlib import Path

import zoo

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


def test_the_layout_that_is_shown():
    (code,) = (
        block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "Rule(" in block
    )
    names: dict = {"ToyConfig": object}
    exec(code, names)
    layout = names["layout"](None, "text-classification")
    rule, numbers = layout.rule("backbone/layer_3/proj/kernel")
    assert list(layout.names(rule, numbers)) == ["toy.layers.3.proj.weight", "layers.3.proj.weight"]
    assert rule.op.shape((2, 5)) == (5, 2)
    assert layout.may_be_fresh("head/classifier/kernel")
    assert not layout.may_be_fresh("backbone/layer_3/proj/kernel")


def test_the_fields_that_are_named():
    page = PAGE.read_text()
    for record in (zoo.DataSet, zoo.Tracker, zoo.Tracked):
        for field in record.__dataclass_fields__:
            assert f"`{field}`" in page, (record, field)
