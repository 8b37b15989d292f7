"""Jinja's sandbox as chat templates expect it: a template is code that came with a download, and may do no harm.

Options, filters and globals are those of the reference (transformers/utils/chat_template_utils.py).
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from zoo.chat.moment import moment

Marks = list[tuple[int, int]]
"""The pieces of a text that a template marks, as `(start, end)`."""


class RefusalError(jinja2.TemplateError):
    """What a template itself raises, of the messages that it is given."""


class _Marks(Extension):
    """`{% generation %} ... {% endgeneration %}` around what the model is to say."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(
            self.call_method("_marked", [nodes.Name("_marks", "load")]), [], [], body
        ).set_lineno(line)

    def _marked(self, marks: Any, caller: Any) -> str:
        text = caller()
        if isinstance(marks, _Tracker):
            marks.add(text)
        return text


class _Tracker:
    """Where in the text the marked pieces lie, as the text comes out."""

    def __init__(self) -> None:
        self.length = 0
        self.pieces: list[tuple[int, str]] = []

    def add(self, piece: str) -> None:
        self.pieces.append((self.length, piece))

    def marks(self, text: str) -> Marks:
        """Where the pieces lie in the whole text. Raises a jinja2.TemplateError where they cannot be found."""
        if not all(text.startswith(piece, start) for start, piece in self.pieces):
            raise jinja2.TemplateError("{% generation %} stands in a macro or a value, so its place is not told")
        return [(start, start + len(piece)) for start, piece in self.pieces]


class _Dict:
    """`dict` without its attributes."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


class _Namespace(Namespace):
    """A namespace that keeps nothing under the names of Python's own attributes."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        self, given = args[0], dict(*args[1:], **kwargs)
        for name in given:
            _check_name(name)
        Namespace.__init__(self, given)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"a namespace cannot hold {name!r}")


def _raise(message: str) -> None:
    raise RefusalError(message)


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """JSON as it is; Jinja's own filter would escape it for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


@cache
def compiled(source: str) -> jinja2.Template:
    """A template, ready to be rendered. Raises a jinja2.TemplateSyntaxError where it is none."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Marks, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals |= {
        "raise_exception": _raise,
        "strftime_now": lambda how: moment().strftime(how),
        "dict": _Dict(),
        "namespace": _Namespace,
    }
    return environment.from_string(source)


def tracked(template: jinja2.Template, values: dict[str, Any]) -> tuple[str, Marks]:
    """The text of a template, and the pieces of it that the template marks, as `(start, end)`."""
    tracker = _Tracker()
    pieces = []
    for piece in template.generate(**values, _marks=tracker):
        pieces.append(piece)
        tracker.length += len(piece)
    text = "".join(pieces)
    return text, tracker.marks(text)
