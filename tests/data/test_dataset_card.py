"""zoo.data.dataset_card: what the head of a README says."""

from __future__ import annotations

import pytest

from zoo.data.dataset_card import Card, Config, read_card
from zoo.errors import ZooError

README = """---
license: mit
configs:
- config_name: en
  default: true
  data_files:
  - split: train
    path: data/train-*
  - split: dev
    path: [a.csv, b.csv]
- config_name: de
  data_dir: ./german/
- config_name: odd
  data_files: x.csv
  sep: "|"
dataset_info:
- config_name: en
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': bad
          '1': good
---
# Reviews
"""


def test_configs_and_class_names():
    card = read_card(README, "x")
    assert card.configs == (
        Config("en", {"train": ("data/train-*",), "dev": ("a.csv", "b.csv")}, default=True),
        Config("de", folder="german"),
        Config("odd", {"train": ("x.csv",)}, unknown=("sep",)),
    )
    assert card.classes_of("en") == {"label": ("bad", "good")}
    assert card.classes_of("de") == card.classes_of("en")  # the only ones there are


def test_names_of_another_config_are_not_taken_where_there_are_several():
    other = README.replace("dataset_info:", "dataset_info:\n- config_name: de\n  features: []")
    assert read_card(other, "x").classes_of("odd") == {}


@pytest.mark.parametrize(
    "text", ["", "# Reviews\n", "---\n---\n", "---\n- a list\n---\n", "text\n---\nconfigs: 3\n---\n"]
)
def test_a_readme_that_says_nothing(text):
    assert read_card(text, "x") == Card()


@pytest.mark.parametrize(
    "head", ["configs: [", "configs: *nowhere", "a: !!python/object:os.system {}", "[" * 3000, "a: 2024-13-45"]
)
def test_a_head_that_is_no_yaml(head):
    with pytest.raises(ZooError, match="README of x is not valid YAML"):
        read_card(f"---\n{head}\n---\n", "x")


def test_aliases_of_aliases_are_not_unfolded():
    bomb = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))
    for configs in ("configs: [*a11]", "configs: [{config_name: *a11}]", "x: &x [*x]"):
        with pytest.raises(ZooError, match="not valid YAML") as caught:
            read_card(f"---\na0: &a0 [lol]\n{bomb}\n{configs}\n---\n", "x")
        assert "unfold" in caught.value.why[0]
    assert read_card("---\na: &a [x.csv]\nconfigs: [{data_files: *a}]\n---\n", "x").configs[0].patterns


def test_every_config_that_names_no_files_is_told():
    text = "---\nconfigs:\n- 3\n- config_name: a\n  data_files: 3\n- data_files: [{split: train}]\n---\n"
    with pytest.raises(ZooError, match="which files its configs have") as caught:
        read_card(text, "x")
    assert len(caught.value.why) == 3
