"""zoo: the public names, and what importing them costs"""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

import zoo

HEAVY = {"keras", "jax", "jaxlib", "numpy", "pyarrow", "torch", "transformers", "tensorflow", "huggingface_hub"}
_MODULES = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def _imported_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{_MODULES}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_zoo_imports_nothing_but_the_standard_library():
    bare = _imported_by("")
    assert _imported_by("import zoo") - bare - set(sys.stdlib_module_names) == {"zoo"}


@pytest.mark.parametrize(
    "code",
    [
        "import zoo; [preset.name for preset in zoo.presets()]",
        "import zoo; zoo.load, zoo.Recipe, zoo.ZooError",
        "from zoo.registry.presets import find_preset, read_lock; read_lock(find_preset('minilm_l6'))",
        "from zoo.registry.plugins import plugins; assert plugins()",
    ],
)
def test_names_are_resolved_without_keras_jax_or_plugins(code):
    imported = _imported_by(code)
    assert not imported & (HEAVY | {"zoo_bert", "zoo_datasets", "zoo_presets"})


def test_every_public_name_is_there_and_is_what_its_home_says():
    assert sorted(zoo.__all__) == sorted(zoo._HOMES)
    for name in zoo.__all__:
        assert getattr(zoo, name) is getattr(importlib.import_module(zoo._HOMES[name]), name)
    assert set(zoo.__all__) <= set(dir(zoo))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'fit'"):
        _ = zoo.fit


def test_no_public_name_is_a_submodule_too():
    """Importing a submodule `zoo.load` would put the module where the function is."""
    modules = {module.name for module in pkgutil.iter_modules(zoo.__path__)}
    assert not modules & set(zoo.__all__)
