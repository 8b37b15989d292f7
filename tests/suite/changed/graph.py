"""Which test files a changed file can reach, and how near they are, by what imports and fixtures say.

An edge leads from what uses to what is used. The nodes are files, but for `conftest.py`, whose fixtures and helpers
are nodes of their own (`tests/conftest.py::hub`), so that a test reaches what its fixtures use and no more.
"""

from __future__ import annotations

import ast
from collections import defaultdict, deque
from collections.abc import Iterable
from pathlib import Path

from tests.suite.changed.modules import Project

_EVERYTHING = ("pyproject.toml", "Makefile")


class Graph:
    """The uses of a project.

    Attributes:
        users: `{node: those that use it}`.
        tests: the test files.
    """

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        files = sorted(self.project.modules.values())
        self.tests = [file for file in files if Path(file).name.startswith("test_")]
        self.fixtures = {
            file: _definitions(self.project.tree(file)) for file in files if file.endswith("conftest.py")
        }
        self.users: dict[str, set[str]] = defaultdict(set)
        for file in files:
            for node, used in self._uses(file):
                for one in used - {node}:
                    self.users[one].add(node)

    def reached(self, changed: Iterable[str]) -> dict[str, int]:
        """The test files that use one of the changed files, and over how many edges; 0 for a changed test."""
        changed = set(changed)
        if any(file in _EVERYTHING for file in changed):
            return dict.fromkeys(self.tests, 0)
        distances: dict[str, int] = {}
        waiting = deque((node, 0) for file in sorted(changed) for node in self._nodes(file))
        while waiting:
            node, distance = waiting.popleft()
            if node not in distances:
                distances[node] = distance
                waiting.extend((user, distance + 1) for user in sorted(self.users[node]))
        return {file: distances[file] for file in self.tests if file in distances}

    def _nodes(self, file: str) -> list[str]:
        """The nodes of a changed file; of one that is no module, the files that name it or lie beside it."""
        if file in self.fixtures:
            return [file, *(f"{file}::{name}" for name in self.fixtures[file])]
        if file in self.project.modules.values():
            return [file]
        name, folder = Path(file).name, Path(file).parent.as_posix()
        beside = f"{folder}/__init__.py"
        named = [f for f in self.project.modules.values() if name in (self.project.root / f).read_text("utf-8")]
        mirrored = [test for test in self.tests if folder != "." and test.startswith(f"tests/{folder}/")]
        return [*named, *mirrored, *([beside] if beside in self.project.modules.values() else [])]

    def _uses(self, file: str) -> Iterable[tuple[str, set[str]]]:
        """The nodes of a file, and what each of them uses."""
        project, tree = self.project, self.project.tree(file)
        source = (project.root / file).read_text(encoding="utf-8")
        names = _bindings(project, tree)
        if file in self.fixtures:
            own = self.fixtures[file]
            for name, node in own.items():
                told = project.used([node], names) | self._requested(file, node)
                mentioned = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & own.keys()
                told |= {f"{file}::{other}" for other in mentioned}
                told |= project.plugins_named(ast.get_source_segment(source, node) or "")
                yield f"{file}::{name}", told
            yield file, self._for_all(file, tree, names)
            return
        body = tree.body
        if file.endswith("__init__.py"):  # what it passes on is found where it is at home
            body = [node for node in body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign)]
        used = project.used(body, names)
        if file.startswith("tests/"):
            used |= project.plugins_named(source) | self._requested(file, tree) | self._mirrored(file)
            used |= {conftest for conftest in self.fixtures if Path(conftest).parent in Path(file).parents}
        yield file, used

    def _for_all(self, file: str, tree: ast.Module, names: dict[str, set[str]]) -> set[str]:
        """The files that a conftest uses for every test below it: in hooks, autouse fixtures, and on import."""
        kinds = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
        always = [node for node in tree.body if not isinstance(node, kinds)]
        always += [
            node
            for name, node in self.fixtures[file].items()
            if name.startswith("pytest_") or "autouse=True" in "".join(map(ast.unparse, node.decorator_list))
        ]
        return self.project.used(always, names)

    def _requested(self, file: str, tree: ast.AST) -> set[str]:
        """The fixtures that functions ask for by their parameters, each from the nearest conftest."""
        asked = {
            argument.arg
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for argument in (*node.args.args, *node.args.kwonlyargs)
        }
        asked |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        found: set[str] = set()
        for folder in Path(file).parents:
            conftest = (folder / "conftest.py").as_posix()
            here = asked & self.fixtures.get(conftest, {}).keys()
            if here and conftest == file:
                here -= {getattr(tree, "name", "")}  # a fixture that overrides one asks for that
            found |= {f"{conftest}::{name}" for name in here}
            asked -= here
        return found

    def _mirrored(self, file: str) -> set[str]:
        """The source that a test file is named after: `tests/hub/test_memo.py`, `zoo/hub/memo.py`."""
        path = Path(file)
        source = Path("zoo", *path.parts[1:-1], path.name.removeprefix("test_")).as_posix()
        found = {source} & set(self.project.modules.values())
        if path.parts[1] == "plugins" and len(path.parts) > 3:
            folder = f"plugins/{path.parts[2]}/"
            found |= {module for module in self.project.modules.values() if module.startswith(folder)}
        return found


def _definitions(tree: ast.Module) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    kinds = ast.FunctionDef | ast.ClassDef
    return {node.name: node for node in tree.body if isinstance(node, kinds)}


def _bindings(project: Project, tree: ast.Module) -> dict[str, set[str]]:
    """The names that the imports of a module bind, wherever they stand, with their files."""
    names: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, files in project.bound(node).items():
                names[name] |= files
    return names
