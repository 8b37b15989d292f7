"""The modules of the project, and which of them a piece of source uses."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOTS = {
    "zoo": "zoo",
    "tests": "tests",
    "benchmarks": "benchmarks",
    "zoo_presets": "presets",
    "zoo_recipes": "recipes",
}
_REFERENCE = re.compile(r"[a-z_]\w*(\.\w+)+(:\w+)?|[a-z_]\w*:\w[\w.]*")


class Project:
    """The Python files under a root, by the names of their modules, and what plugins are known by.

    Paths are relative to the root, with `/`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        plugins = {path.parent.name: f"plugins/{path.parent.name}" for path in root.glob("plugins/*/__init__.py")}
        self.modules: dict[str, str] = {}
        for package, folder in (ROOTS | plugins).items():
            for path in sorted((root / folder).rglob("*.py")):
                inner = path.relative_to(root / folder).with_suffix("").parts
                name = ".".join((package, *inner)).removesuffix(".__init__")
                self.modules[name] = path.relative_to(root).as_posix()
        self.words = {
            f"{folder}/__init__.py": _words(root, root / folder / "zoo.toml") for folder in plugins.values()
        }

    @functools.cache  # noqa: B019  # a project lives as long as the command
    def tree(self, file: str) -> ast.Module:
        return ast.parse((self.root / file).read_text(encoding="utf-8"))

    @functools.cache  # noqa: B019
    def reexports(self, file: str) -> dict[str, str]:
        """The names that a package passes on, and the files they come from."""
        found: dict[str, str] = {}
        for node in self.tree(file).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {name: file for name, files in self.bound(node).items() for file in files}
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):  # public names found when used
                for key, value in zip(node.value.keys, node.value.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                        found |= {key.value: self.modules[value.value]} if value.value in self.modules else {}
        return found

    def used(self, nodes: Iterable[ast.AST], names: dict[str, set[str]]) -> set[str]:
        """The files that pieces of source use.

        Args:
            names: what the imports of the file around them bind: `{name: files}`.
        """
        found: set[str] = set()
        for node in _walked(nodes):
            match node:
                case ast.Import() | ast.ImportFrom():
                    found.update(*self.bound(node).values())
                case ast.Attribute(value=ast.Name(id=package), attr=name) if package in self.modules:
                    home = self.reexports(self.modules[package]).get(name) if package == "zoo" else None
                    found |= {home} if home else names.get(package, set())
                case ast.Name(id=name) if name != "zoo":
                    found |= names.get(name, set())
                case ast.Constant(value=str(text)) if _REFERENCE.fullmatch(text):
                    module = text.partition(":")[0]
                    found |= {self.modules[module]} if module in self.modules else set()
        return found

    def bound(self, node: ast.Import | ast.ImportFrom) -> dict[str, set[str]]:
        """The names that an import binds, and the files that are used with them."""
        if isinstance(node, ast.Import):
            known = [alias for alias in node.names if alias.name in self.modules]
            return {alias.asname or alias.name.split(".")[0]: {self.modules[alias.name]} for alias in known}
        return {
            alias.asname or alias.name: set(self._imported(node.module or "", alias.name)) for alias in node.names
        }

    def _imported(self, module: str, name: str) -> list[str]:
        """Where a name that is imported from a module is at home."""
        if f"{module}.{name}" in self.modules:
            return [self.modules[f"{module}.{name}"]]
        if module not in self.modules:
            return []
        file = self.modules[module]
        passed_on = self.reexports(file).get(name) if file.endswith("__init__.py") else None
        return [passed_on or file]

    def plugins_named(self, source: str) -> set[str]:
        """The plugins that a source speaks of, by the name of an architecture or of anything else they give."""
        lower = source.lower()
        return {file for file, words in self.words.items() if any(word in lower for word in words)}


def _walked(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all below them, but for what only type checkers read."""
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _walked(ast.iter_child_nodes(node))


def _words(root: Path, manifest: Path) -> list[str]:
    """The names of a plugin's architectures, data sets and trackers, and how those of its presets begin."""
    given = tomllib.loads(manifest.read_text(encoding="utf-8"))
    lists = [names for names in given.get("provides", {}).values() if isinstance(names, list)]
    names = [*given.get("architectures", {}), *(name for names in lists for name in names)]
    for reference in given.get("presets", ()):
        package, _, file = reference.partition(":")
        catalogue = tomllib.loads((root / ROOTS[package] / file).read_text(encoding="utf-8"))
        names += [name for name, value in catalogue.items() if isinstance(value, dict)]
    return sorted({name.partition("_")[0] for name in names})
