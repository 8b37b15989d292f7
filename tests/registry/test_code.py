"""zoo.registry.code: plugin code runs on first use, and its faults end there"""

from __future__ import annotations

import sys

import pytest

from zoo.errors import ZooError
from zoo.registry.code import (
    architecture_of,
    dataset_names,
    find_architecture,
    find_dataset,
    load_dataset,
    qualified_architecture,
)

MANIFEST = """
schema = 1
module = "{0}"
[architectures.toy]
model_types = ["toy"]
tasks = ["feature-extraction"]
[provides]
datasets = ["letters"]
"""
CODE = """
import zoo

@zoo.hookimpl
def zoo_architectures():
    yield zoo.Architecture("toy", dict, dict, {}, {}, dict)

@zoo.hookimpl
def zoo_datasets():
    return [zoo.DataSet("letters", "a, b, c", dict, {})]
"""
RETURNS = "import zoo\n@zoo.hookimpl\ndef zoo_datasets():\n    return {}\n"


def _publish(install, plugin: str = "toy", code: str = CODE) -> None:
    install(plugin, MANIFEST.format(f"zoo_{plugin}"), files={"__init__.py": code})


def test_code_is_imported_when_something_of_it_is_used_and_not_before(install):
    _publish(install)
    assert "letters" in dataset_names()
    assert architecture_of("toy") == "toy:toy"
    assert "zoo_toy" not in sys.modules
    assert find_dataset("letters").description == "a, b, c"
    assert "zoo_toy" in sys.modules
    assert find_architecture("toy:toy") is not find_architecture("bert:bert")
    assert find_architecture("toy").name == "toy"


def test_a_preset_may_use_another_plugins_architecture(install):
    _publish(install)
    assert qualified_architecture("bert", "toy") == "bert:bert"
    with pytest.raises(ZooError, match="No installed plugin has an architecture 'toy:bert'"):
        find_architecture("toy:bert")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("import sys; sys.exit('gone')", "SystemExit: gone"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        (RETURNS.format("1 / 0"), "ZeroDivisionError"),
        (RETURNS.format("5"), "TypeError"),
        ("import zoo\n@zoo.hookimpl\ndef zoo_datasets():\n    yield 1 / 0\n", "ZeroDivisionError"),
        ("import zoo\n@zoo.hookimpl\ndef zoo_datasets(surprise):\n    return []\n", "surprise"),
    ],
)
def test_failing_code_is_an_error_that_names_the_plugin(install, code, told):
    _publish(install, code=code)
    with pytest.raises(ZooError, match=r"Plugin 'toy' \(zoo-toy 1\.0\) cannot be used") as caught:
        find_dataset("letters")
    assert told in caught.value.why[0]
    assert "ZOO_DISABLE_PLUGINS=toy" in caught.value.fix
    assert find_architecture("bert").name == "bert"


@pytest.mark.parametrize("code", ["", RETURNS.format("[]"), RETURNS.format("None"), RETURNS.format("['letters']")])
def test_a_promise_that_is_not_kept_is_the_authors_fault(install, code):
    _publish(install, code=code)
    with pytest.raises(ZooError, match="promises 'letters' in its manifest") as caught:
        find_dataset("letters")
    assert "zoo-toy 1.0" in caught.value.fix


def test_a_clash_names_both_distributions(install):
    _publish(install)
    _publish(install, "rival")
    with pytest.raises(ZooError, match="Several plugins have an architecture 'toy'") as architecture:
        find_architecture("toy")
    with pytest.raises(ZooError, match="Several plugins read checkpoints of model_type 'toy'") as model_type:
        architecture_of("toy")
    with pytest.raises(ZooError, match="Several plugins have 'letters'") as dataset:
        find_dataset("letters")
    for caught in (architecture, model_type, dataset):
        told = " ".join(caught.value.why)
        assert "zoo-toy 1.0" in told
        assert "zoo-rival 1.0" in told
    assert find_architecture("rival:toy").name == "toy"
    assert qualified_architecture("toy", "rival") == "rival:toy"


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        ("1 / 0", r"Plugin 'toy' \(zoo-toy 1\.0\) cannot be used"),
        ("{'train': 1}", "has no split test and validation"),
    ],
)
def test_a_data_set_that_cannot_be_built_is_the_plugins_fault(install, splits, told):
    _publish(install, code=RETURNS.format(f"[zoo.DataSet('letters', '', lambda: {splits}, {{}})]"))
    with pytest.raises(ZooError, match=told):
        load_dataset("letters")


def test_unknown_names_get_the_nearest():
    with pytest.raises(ZooError, match=r"architecture 'brt'[.] Did you mean 'bert'"):
        find_architecture("brt")
    with pytest.raises(ZooError, match=r"model_type 'berts'[.] Did you mean 'bert'") as caught:
        architecture_of("berts")
    assert "the installed plugins read: bert" in caught.value.why[0]
    with pytest.raises(ZooError, match=r"data set 'docstring'[.] Did you mean 'docstrings'"):
        find_dataset("docstring")
