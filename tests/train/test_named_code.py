"""Python that a recipe names: looked for without running any, and loaded."""

from __future__ import annotations

import hashlib
import sys

import pytest

from zoo.errors import ZooError
from zoo.train.named_code import code_hash, fault_of, load_named


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that cannot be imported unseen: it counts how often it is, and makes one of its modules itself."""
    folder = tmp_path / "zoo_named_package"
    folder.mkdir()
    lines = ("import sys, types", "made = types.ModuleType(__name__ + '.made')", "made.close = max")
    (folder / "__init__.py").write_text("\n".join([*lines, "sys.modules[made.__name__] = made\n"]))
    (folder / "inside.py").write_text("def close(answer, reference): return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder.name
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


def test_looking_for_a_module_imports_nothing(package):
    before = {*sys.modules}
    for module in ("", ".inside", ".made", ".none"):
        assert fault_of(f"{package}{module}:close") == ""
    assert "no module 'zoo_named_packages'" in fault_of(f"{package}s.inside:close")
    assert fault_of(".inside:close").startswith("there is no module ''")
    assert {*sys.modules} == before


def test_a_misspelled_module_is_told_without_importing_any(package):
    before = {*sys.modules}
    assert fault_of(f"{package}.insid:close") == f"'{package}' has no module 'insid'. Did you mean 'inside'?"
    assert fault_of("xml.etree.ElementTre:parse").endswith("Did you mean 'ElementTree'?")
    assert fault_of("xml.etre.ElementTree:parse").startswith("'xml' has no module 'etre'.")
    assert fault_of("os.path:join") == fault_of("xml.etree.ElementTree:parse") == ""
    assert {*sys.modules} == before


def test_the_hash_is_of_the_file_that_has_the_code(package, tmp_path):
    before = {*sys.modules}
    inside = tmp_path / package / "inside.py"
    digest = hashlib.sha256(inside.read_bytes()).hexdigest()
    assert code_hash(f"{package}.inside:close") == code_hash(f"{inside}:close") == digest
    assert code_hash(f"{package}:made") == hashlib.sha256((inside.parent / "__init__.py").read_bytes()).hexdigest()
    assert code_hash(f"{package}.made:close") == code_hash("sys:exit") == code_hash("gone.py:close") == ""
    assert {*sys.modules} == before


def test_what_cannot_be_seen_without_running_it_is_told_when_it_is_loaded(package):
    assert load_named(f"{package}.inside:close")(1, 2) == 1
    assert load_named(f"{package}.made:close") is max
    with pytest.raises(ZooError, match=r"\.none:close' cannot be loaded.\n  - ModuleNotFoundError"):
        load_named(f"{package}.none:close")
    with pytest.raises(ZooError, match=r"inside:far' cannot be loaded.\n  - AttributeError"):
        load_named(f"{package}.inside:far")


@pytest.mark.parametrize(
    ("line", "told"), [("1 / 0", "ZeroDivisionError"), ("raise SystemExit(3)", "SystemExit: 3")]
)
def test_code_that_fails_when_it_is_loaded_is_a_zoo_error(tmp_path, line, told):
    file = tmp_path / "broken.py"
    file.write_text(f"{line}\ndef close(answer, reference): return 1\n")
    with pytest.raises(ZooError, match=r"broken.py:close' cannot be loaded") as found:
        load_named(f"{file}:close")
    assert told in str(found.value)
