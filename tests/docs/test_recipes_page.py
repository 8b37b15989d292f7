"""docs/recipes.md and docs/recipe.schema.json are the recipe's own definition, written out."""

from __future__ import annotations

from pathlib import Path

from zoo.train.recipe_docs import recipe_reference
from zoo.train.recipe_schema import schema_text

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_code_says():
    assert (ROOT / "docs/recipes.md").read_text(encoding="utf-8") == recipe_reference(), (
        "run: python -m zoo.train.recipe_docs > docs/recipes.md"
    )


def test_the_schema_is_what_the_code_says():
    assert (ROOT / "docs/recipe.schema.json").read_text(encoding="utf-8") == schema_text(), (
        "run: python -m zoo.train.recipe_schema > docs/recipe.schema.json"
    )
