"""zoo.data.table"""

from __future__ import annotations

import pyarrow as pa

from zoo.data.table import Table


def test_a_table_has_rows_columns_and_python_values():
    table = Table("reviews.csv", pa.table({"text": ["fine", None], "stars": [5, 1]}))
    assert len(table) == 2
    assert table.columns == ["text", "stars"]
    assert table.column("text") == ["fine", None]
    assert table.column("stars") == [5, 1]
