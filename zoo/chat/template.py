"""A checkpoint's chat template: how it writes messages as one text, and which parts of it are whose."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import tokenizers

from zoo.chat.sandbox import Marks, RefusalError, compiled, tracked
from zoo.data.conversations import ANSWER, Message
from zoo.errors import ZooError
from zoo.hub.files import CHAT_TEMPLATE, CHAT_TEMPLATES, Files

_MARKS = re.compile(r"\{%-?\s*generation\s*-?%\}")
_SPECIAL = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
_PROBE = (Message("user", "question"), Message(ANSWER, "answer"))


class Rendered(str):
    """A text as a chat template writes it: the special tokens are in it, and a tokenizer is to add none."""


class TemplateError(ZooError):
    """A template refuses messages.

    Attributes:
        hard: it is the template's fault, not these messages'.
    """

    hard = False


class BrokenTemplateError(TemplateError):
    """A template fails, or tries what the sandbox forbids."""

    hard = True


@dataclass(frozen=True)
class ChatTemplate:
    """A Jinja template that writes messages as one text.

    Args:
        source: the template.
        tokens: the special tokens that it may name: `bos_token` and so on.
        origin: where it comes from, for messages.
    """

    source: str
    tokens: Mapping[str, str] = field(default_factory=dict)
    origin: str = "the checkpoint"

    def __post_init__(self) -> None:
        try:
            compiled(self.source)
        except jinja2.TemplateSyntaxError as error:
            raise ZooError(
                f"The chat template of {self.origin} is not valid.", why=f"line {error.lineno}: {error}"
            ) from error
        except Exception as error:  # Python's own limits of nesting
            raise ZooError(
                f"The chat template of {self.origin} cannot be compiled.", why=f"{type(error).__name__}: {error}"
            ) from error

    @property
    def marks_answers(self) -> bool:
        """Whether it says by `{% generation %}` what the model is to say."""
        return bool(_MARKS.search(self.source))

    @property
    def tells_time(self) -> bool:
        """Whether what it writes may depend on the moment that it is rendered from (`zoo.chat.moment`)."""
        return "strftime_now" in self.source

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> str:
        """The messages as one text, special tokens included.

        Args:
            add_generation_prompt: end with what comes before an answer.

        Raises:
            TemplateError: the template refuses the messages.
            BrokenTemplateError: it fails, or tries what the sandbox forbids.
        """
        return self._rendered(messages, add_generation_prompt)[0]

    def marked(self, messages: Sequence[Message]) -> tuple[str, Marks]:
        """The messages as one text, and what of it is inside of `{% generation %}`, as `(start, end)`."""
        return self._rendered(messages, False)

    def _rendered(self, messages: Sequence[Message], add_generation_prompt: bool) -> tuple[str, Marks]:
        values: dict[str, Any] = {
            **self.tokens,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "tools": None,
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
        }
        try:
            return tracked(compiled(self.source), values)
        except RefusalError as error:
            raise TemplateError(f"The chat template refuses the messages: {error}") from error
        except jinja2.exceptions.SecurityError as error:
            raise BrokenTemplateError(f"The chat template tries what the sandbox forbids: {error}") from error
        except jinja2.TemplateError as error:
            raise BrokenTemplateError(f"The chat template fails: {error}") from error
        except Exception as error:  # whatever the code of a template leads to
            raise BrokenTemplateError(f"The chat template fails: {type(error).__name__}: {error}") from error

    def difference(self, other: ChatTemplate) -> str:
        """The first difference in what two templates write of a few conversations, for people; empty for none."""
        if self.source.strip() == other.source.strip():
            return ""
        for messages in (_PROBE, (Message("system", "system"), *_PROBE), _PROBE * 2, _PROBE[:1]):
            own, theirs = (template._told(messages) for template in (self, other))
            if own != theirs:
                return f"{own} here, {theirs} there"
        return ""

    def _told(self, messages: Sequence[Message]) -> str:
        try:
            return repr(self.render(messages, add_generation_prompt=messages[-1].role != ANSWER))
        except TemplateError as error:
            return error.what

    def turn_end(self, tokenizer: tokenizers.Tokenizer) -> int | None:
        """The token that it writes behind an answer; None where there is none, or it cannot be told."""
        try:
            text = self.render(_PROBE)
        except TemplateError:
            return None
        _, found, rest = text.rpartition(_PROBE[-1].content)
        if not found:
            return None
        added = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.content.strip()}
        return next((n for n in tokenizer.encode(rest, add_special_tokens=False).ids if n in added), None)


def read_chat_template(files: Files) -> ChatTemplate | None:
    """The template that a checkpoint's files name as the default; None where there is none.

    Files of their own (`chat_template.jinja`, `additional_chat_templates/`) stand in for what
    `tokenizer_config.json` says, as in the reference.
    """
    settings = files.mapping("tokenizer_config.json")
    own = settings.get("chat_template")
    named: dict[Any, Any] = {}
    if isinstance(own, str):
        named = {"default": own}
    elif isinstance(own, list):
        named = {one.get("name"): one.get("template") for one in own if isinstance(one, dict)}
    if written := {name: _text(files, name) for name in files.paths if name.endswith(".jinja")}:
        named = {_name_of(name): text for name, text in written.items()}
    source = named.get("default")
    if source is None:
        return None
    if not isinstance(source, str):
        raise ZooError(f"The chat template of {files.origin} is no text: {source!r:.60}")
    tokens = special_tokens({**files.mapping("special_tokens_map.json"), **settings})
    return ChatTemplate(source, tokens, files.origin)


def special_tokens(settings: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens that a tokenizer's settings name, as `{"bos_token": "<s>", ...}`."""
    found = {f"{name}_token": settings.get(f"{name}_token") for name in _SPECIAL}
    told = {key: one.get("content") if isinstance(one, dict) else one for key, one in found.items()}
    return {key: text for key, text in told.items() if isinstance(text, str)}


def read_template_file(path: str | Path) -> str:
    """The source of a template in a file of the user's. Raises a ZooError where it cannot be read, or is none."""
    try:
        source = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError) as error:
        raise ZooError(f"The chat template '{path}' cannot be read.", why=str(error)) from error
    return ChatTemplate(source, origin=f"'{path}'").source


def _name_of(file: str) -> str:
    return "default" if file == CHAT_TEMPLATE else file.removeprefix(CHAT_TEMPLATES).removesuffix(".jinja")


def _text(files: Files, name: str) -> str:
    try:
        return files.path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"{name} of {files.origin} cannot be read.", why=str(error)) from error
