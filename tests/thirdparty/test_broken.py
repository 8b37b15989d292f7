"""A broken plugin harms nobody but itself: the CLI serves on, and errors say whose fault it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

MANIFEST = """
schema = 1
module = "NAME"
presets = ["NAME:presets.toml"]
[architectures.odd]
model_types = ["odd"]
tasks = ["feature-extraction"]
"""
PRESETS = """
schema = 1
[odd_tiny]
architecture = "odd"
task = "feature-extraction"
description = "Odd"
license = "apache-2.0"
source = "pkg://zoo_toy/model"
"""


@pytest.fixture(scope="module")
def lock(env) -> dict:
    """The toy preset's lock, to be borrowed by presets with the same files."""
    where = env.python("import zoo_toy; print(zoo_toy.__path__[0])").strip()
    return json.loads(Path(where, "presets.lock.json").read_text())["toy_tiny"]


@pytest.fixture
def install(tmp_path, lock):
    """Lay a plugin out as an installed distribution in `tmp_path`, which then is the `site` of commands."""

    def install(
        name: str = "zoo_odd",
        *,
        plugin: str = "odd",
        code: str = "",
        manifest: str = MANIFEST,
        presets: str = PRESETS,
    ) -> Path:
        package, info = tmp_path / name, tmp_path / f"{name}-1.0.dist-info"
        package.mkdir()
        (package / "__init__.py").write_text(code)
        (package / "zoo.toml").write_text(manifest.replace("NAME", name))
        (package / "presets.toml").write_text(presets)
        (package / "presets.lock.json").write_text(json.dumps({"odd_tiny": lock}))
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoo.plugins]\n{plugin} = {name}:zoo.toml\n")
        return tmp_path

    return install


def rows_of(env, site: Path | None = None) -> dict[str, str | None]:
    """`{distribution: error}` of `zoo plugins`, after a look whether every other command still serves."""
    said = json.loads(
        env.python(
            """
import contextlib, io, json
from zoo.cli import main
said = {}
for command in ("--help", "--version", "list", "list --json", "show toy_tiny", "plugins", "plugins --json"):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            main(command.split())
        except SystemExit as end:
            assert not end.code, command
    said[command] = out.getvalue()
print(json.dumps(said))
""",
            site=site,
        )
    )
    assert "finetune" in said["--help"]
    assert {"minilm_l6", "toy_tiny"} <= {row["name"] for row in json.loads(said["list --json"])}
    assert "toy:toy_tiny" in said["show toy_tiny"]
    rows = {row["distribution"]: row["error"] for row in json.loads(said["plugins --json"])}
    assert rows["zoo-toy 0.1.0"] is None
    assert all(row.split()[0] in said["plugins"] and row.split()[0] in said["--version"] for row in rows)
    return rows


def error_of(env, call: str, site: Path | None = None) -> str:
    """The ZooError that a call of zoo's ends with."""
    return env.python(
        f"""
import zoo
from zoo.registry.code import find_architecture
try:
    {call}
except zoo.ZooError as error:
    print(error)
""",
        site=site,
    )


def test_cli_serves_beside_a_module_that_raises(env):
    assert rows_of(env)["zoo-broken 0.1.0"] is None  # nothing asked for its code
    assert env.json("show", "broken_tiny")["name"] == "broken:broken_tiny"


def test_loading_its_preset_names_the_plugin(env):
    error = error_of(env, "zoo.load('broken_tiny')")
    assert "Plugin 'broken' (zoo-broken 0.1.0) cannot be used" in error
    assert "RuntimeError: this plugin is broken" in error
    assert "ZOO_DISABLE_PLUGINS=broken" in error


def test_finetuning_its_preset_is_refused_and_writes_nothing(env, reviews):
    error = env.zoo("finetune", "broken_tiny", "--data", reviews, "--output", "never", code=2)
    assert "Plugin 'broken' (zoo-broken 0.1.0) cannot be used" in error
    assert not (env.folder / "never").exists()


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("def", "SyntaxError"),
        ("import zoo\n@zoo.hookimpl\ndef zoo_architectures(): 1 / 0", "ZeroDivisionError"),
        ("import zoo\n@zoo.hookimpl\ndef zoo_architectures(unknown): return []", "unknown"),
        ("import zoo\n@zoo.hookimpl\ndef zoo_architectures(): return 3", "'int' object is not iterable"),
    ],
    ids=["exits", "imports-nothing", "syntax", "hook-raises", "hook-arguments", "hook-number"],
)
def test_code_that_fails(env, install, code, why):
    site = install(code=code)
    assert rows_of(env, site)["zoo_odd 1.0"] is None
    error = error_of(env, "find_architecture('odd:odd')", site)
    assert "Plugin 'odd' (zoo_odd 1.0) cannot be used" in error
    assert why in error


@pytest.mark.parametrize("returned", ["[]", "[3]"])
def test_code_that_keeps_no_promise(env, install, returned):
    site = install(code=f"import zoo\n@zoo.hookimpl\ndef zoo_architectures(): return {returned}")
    error = error_of(env, "find_architecture('odd:odd')", site)
    assert "Plugin 'odd' promises 'odd' in its manifest" in error
    assert "zoo_odd 1.0" in error


def test_preset_in_a_layout_that_is_not_there(env, install):
    site = install(presets=PRESETS.replace('"odd"', '"toy:toy"') + 'layout = "latin"')
    rows_of(env, site)
    error = error_of(env, "zoo.load('odd_tiny')", site)
    assert "odd_tiny has the layout 'latin', and 'toy:toy' cannot read it" in error
    assert "its layouts are toy" in error


def test_module_that_is_not_there(env, install):
    site = install(manifest=MANIFEST.replace('module = "NAME"', 'module = "zoo_nowhere"'))
    assert rows_of(env, site)["zoo_odd 1.0"] is None
    error = error_of(env, "zoo.load('odd_tiny')", site)
    assert "Plugin 'odd' (zoo_odd 1.0) cannot be used" in error
    assert "No module named 'zoo_nowhere'" in error


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("schema = ", "is not valid TOML"),
        ("", "schema is None"),
        (MANIFEST.replace("schema = 1", "schema = 2"), "schema is 2; this zoo reads schema 1"),
        (MANIFEST.replace("module", "modul"), "modul is not a key of a manifest. Did you mean 'module'?"),
        (MANIFEST + "tasks = 3", "not valid TOML"),
        ('requires-zoo = ">=99"' + MANIFEST, "It needs zoo >=99"),
        ('requires-zoo = "soon"' + MANIFEST, "'soon' is not a version specifier"),
    ],
    ids=["cut", "empty", "schema", "misspelt", "twice", "too-new", "specifier"],
)
def test_manifest_that_is_not_valid(env, install, manifest, why):
    site = install(manifest=manifest)
    assert why in rows_of(env, site)["zoo_odd 1.0"]
    assert "There is no preset 'odd_tiny'" in error_of(env, "zoo.load('odd_tiny')", site)


def test_manifest_that_is_not_there(env, install, tmp_path):
    site = install()
    (tmp_path / "zoo_odd" / "zoo.toml").unlink()
    assert "has no file 'zoo.toml'" in rows_of(env, site)["zoo_odd 1.0"]


def test_package_that_is_not_there(env, install, tmp_path):
    site = install()
    (tmp_path / "zoo_odd" / "__init__.py").unlink()
    assert "has no __init__.py" in rows_of(env, site)["zoo_odd 1.0"]


@pytest.mark.parametrize(
    ("presets", "why"),
    [
        ("[odd_tiny", "is not valid TOML"),
        (PRESETS.replace("license", "licence"), "odd_tiny.licence is not a key of a preset"),
        (PRESETS + "mirrors = 3", "odd_tiny.mirrors"),
        (PRESETS.replace('"odd"', "3"), "odd_tiny.architecture"),
    ],
    ids=["cut", "misspelt", "mirrors", "architecture"],
)
def test_catalogue_that_is_not_valid(env, install, presets, why):
    assert why in rows_of(env, install(presets=presets))["zoo_odd 1.0"]


def test_catalogue_that_is_not_there(env, install, tmp_path):
    site = install()
    (tmp_path / "zoo_odd" / "presets.toml").unlink()
    assert "has no file 'presets.toml'" in rows_of(env, site)["zoo_odd 1.0"]


def test_lock_that_is_not_there(env, install, tmp_path):
    site = install()
    (tmp_path / "zoo_odd" / "presets.lock.json").unlink()
    rows_of(env, site)
    error = error_of(env, "zoo.load('odd_tiny')", site)
    assert "Preset 'odd_tiny' is not locked" in error
    assert "plugin 'odd' (zoo_odd 1.0)" in error


def test_two_distributions_with_one_plugin_name(env, install):
    install("zoo_odd")
    rows = rows_of(env, install("zoo_even"))
    assert rows["zoo_odd 1.0"] == rows["zoo_even 1.0"]
    assert "zoo_odd 1.0" in rows["zoo_odd 1.0"]
    assert "zoo_even 1.0" in rows["zoo_odd 1.0"]


def test_two_plugins_with_one_preset_name(env, install):
    install("zoo_odd")
    site = install("zoo_even", plugin="even")
    rows_of(env, site)
    error = error_of(env, "zoo.load('odd_tiny')", site)
    assert "even:odd_tiny from zoo_even 1.0" in error
    assert "odd:odd_tiny from zoo_odd 1.0" in error


def test_disabled_plugin_is_not_seen(env):
    script = "import os; os.environ['ZOO_DISABLE_PLUGINS'] = 'broken'; from zoo.cli import main; main(['list'])"
    done = env.run("python", "-c", script)
    assert "toy_tiny" in done.stdout
    assert "broken_tiny" not in done.stdout
