"""zoo.backend: what it does depends on the process, so each case is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.backend import cache_home

_USE = """
from zoo.backend import use_jax
from zoo.errors import ZooError
try:
    use_jax({arguments})
except ZooError as error:
    print(error)
else:
    import keras, jax, sys
    print(keras.backend.backend(), jax.config.jax_compilation_cache_dir)
"""


def _run(code: str, **settings: str) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "JAX_COMPILATION_CACHE_DIR")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env | settings, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_jax_is_chosen_whatever_a_stray_keras_json_says(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    told = _run(_USE.format(arguments=""), KERAS_HOME=str(tmp_path), ZOO_CACHE=str(tmp_path / "cache"))
    assert told.split() == ["jax", str(tmp_path / "cache" / "compiled")]


def test_a_cache_of_compiled_programs_that_the_user_chose_is_kept(tmp_path):
    told = _run(_USE.format(arguments=""), JAX_COMPILATION_CACHE_DIR=str(tmp_path))
    assert told.split() == ["jax", str(tmp_path)]


def test_another_backend_by_choice_is_refused_before_keras_is_imported():
    told = _run(
        _USE.format(arguments="") + "import sys; assert 'keras' not in sys.modules", KERAS_BACKEND="tensorflow"
    )
    assert "the backend is 'tensorflow'" in told
    assert "KERAS_BACKEND is set to it" in told
    assert "Set KERAS_BACKEND=jax" in told


def test_keras_imported_with_another_backend_is_refused():
    told = _run(
        "import os; os.environ['KERAS_BACKEND'] = 'numpy'; import keras\n"
        "os.environ['KERAS_BACKEND'] = 'jax'\n" + _USE.format(arguments="")
    )
    assert "the backend is 'numpy'" in told
    assert "keras was imported with it" in told


def test_lean_keeps_keras_from_importing_what_zoo_does_not_need_and_hides_nothing_after(tmp_path):
    (tmp_path / "pandas.py").write_text("print('pandas was imported')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + _USE.format(arguments="lean=True")
    told = _run(code + "assert 'pandas' not in sys.modules\nimport pandas\n")
    assert told.splitlines()[0].startswith("jax")
    assert told.splitlines()[1] == "pandas was imported"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"ZOO_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/zoo"),
        ({"HOME": "/c"}, "/c/.cache/zoo"),
        ({"HOME": "/c", "ZOO_CACHE": "", "XDG_CACHE_HOME": ""}, "/c/.cache/zoo"),
    ],
)
def test_the_cache_is_where_the_user_says(monkeypatch, settings, expected):
    for name in ("ZOO_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert cache_home() == Path(expected)


_COMPILE = """
import jax
from zoo.backend import _compiler_options, use_jax
use_jax()
jit = jax.jit
def older(function, *, compiler_options=None, **rest):
    return jit(function, compiler_options=compiler_options and {"xla_cpu_of_no_version": "1"}, **rest)
if {older}:
    jax.jit = older
options = _compiler_options()
jax.jit = jit
print(len(options), jit(lambda: 2, compiler_options=options)())
"""


@pytest.mark.parametrize(("older", "told"), [("True", "0 2"), ("False", "1 2")])
def test_an_option_that_xla_does_not_know_is_left_out(older, told):
    assert _run(_COMPILE.replace("{older}", older), JAX_PLATFORMS="cpu").split() == told.split()


def test_a_program_with_a_model_in_it_multiplies_float32_as_float32_unless_the_user_wants_less():
    code = """
import jax
from jax import numpy as jnp
from zoo.backend import compiled, full_precision, recompiled, use_jax
use_jax()
product = lambda x: x @ x
x = jnp.ones((2, 2))
told = lambda step: str(step.trace(x).jaxpr).count("HIGHEST")
print(told(jax.jit(product)), told(compiled(product)), told(recompiled(jax.jit(product))))
with full_precision():
    print(told(jax.jit(jax.grad(lambda x: product(x).sum()))))
"""
    assert _run(code).split() == ["0", "2", "2", "6"]
    assert _run(code, JAX_DEFAULT_MATMUL_PRECISION="tensorfloat32").split() == ["0"] * 4
