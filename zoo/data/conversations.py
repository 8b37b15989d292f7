"""What a chat model learns from: conversations, and prompts with their completions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError, did_you_mean

ROLES = ("system", "developer", "user", "assistant", "tool")
ANSWER = "assistant"
"""The role whose messages are the model's own."""

ANSWERS, LAST, ALL = "answers", "last", "all"
"""What the loss is on: every answer, the last one, or every token."""
TrainOn = str | tuple[str, ...]
"""One of these, or some roles."""

_UNREAD = (  # without them a message says something else; templates write them
    *("tool_calls", "function_call", "tool_call_id", "name"),
    *("reasoning_content", "reasoning", "thinking"),
)
_SHAREGPT = {"human": "user", "gpt": ANSWER, "chatgpt": ANSWER, "bot": ANSWER, "model": ANSWER}


@dataclass(frozen=True)
class Message:
    """What one side of a conversation says."""

    role: str
    content: str


@dataclass(frozen=True)
class Conversation:
    """Messages in turn, and which of them the loss is on.

    Args:
        given: how many messages, from the first on, are a prompt: its answers are read, and not learned.
    """

    messages: tuple[Message, ...]
    train_on: TrainOn = ANSWERS
    given: int = 0

    def trained(self) -> list[int]:
        """The places of the messages that are trained."""
        if self.train_on == ALL:
            return list(range(len(self.messages)))
        roles = (ANSWER,) if isinstance(self.train_on, str) else self.train_on
        places = [n for n, message in enumerate(self.messages) if n >= self.given and message.role in roles]
        return places[-1:] if self.train_on == LAST else places

    def faults(self) -> list[str]:
        """Why nothing, or the wrong thing, can be learned from it, whatever the template; most have no fault."""
        answers = [message.content for message in self.messages[self.given :] if message.role == ANSWER]
        if not answers:
            return ["Without an answer"]
        if not all(map(str.strip, answers)):
            return ["With an empty answer"]
        return [] if self.trained() else ["Without a message of the roles that are trained (data.train_on)"]

    @property
    def question(self) -> tuple[Message, ...]:
        """All before the last answer: what a model is asked."""
        answers = [n for n, message in enumerate(self.messages) if message.role == ANSWER]
        return self.messages[: answers[-1]] if answers else self.messages

    @property
    def answer(self) -> str:
        """The last answer; empty where there is none."""
        return next((m.content for m in reversed(self.messages) if m.role == ANSWER), "")


Side = str | tuple[Message, ...]
"""A prompt or an answer: a text, or messages."""


@dataclass(frozen=True)
class Completion:
    """A prompt, and how it is to be completed.

    Args:
        chat: it is a question and an answer, in the words of the checkpoint's chat template; False goes on from the
            prompt's raw text. None is as the checkpoint has it.
    """

    prompt: str
    completion: str
    train_on: TrainOn = ANSWERS
    chat: bool | None = None

    def conversation(self) -> Conversation:
        """The same as two messages."""
        return Conversation((Message("user", self.prompt), Message(ANSWER, self.completion)), self.train_on)


@dataclass(frozen=True)
class Preference:
    """Two answers to a prompt, of which the first is preferred.

    Args:
        prompt: a conversation up to the answer, or a text.
        chat: what it is for a `Completion`; of a conversation nothing.
    """

    prompt: Conversation | str
    chosen: str
    rejected: str
    chat: bool | None = None

    @property
    def answered(self) -> tuple[Conversation | Completion, Conversation | Completion]:
        """The prompt with either answer, which is what the loss is on: the chosen one, and the rejected one."""
        return self._with(self.chosen), self._with(self.rejected)

    def _with(self, answer: str) -> Conversation | Completion:
        if isinstance(self.prompt, str):
            return Completion(self.prompt, answer, chat=self.chat)
        return Conversation((*self.prompt.messages, Message(ANSWER, answer)), LAST)


def conversation_of(messages: Any) -> Conversation:
    """Messages from Python, each a `Message` or a mapping as in `read_messages`. Raises a ZooError for others."""
    if isinstance(messages, Conversation):
        return messages
    if isinstance(messages, str | Mapping) or not isinstance(messages, Iterable):
        raise ZooError(
            f"{messages!r:.60} is no conversation.", fix='Give messages: [{"role": "user", "content": "Hello"}].'
        )
    given = [{"role": m.role, "content": m.content} if isinstance(m, Message) else m for m in messages]
    found = list(read_messages(given))
    faults = [f"message {n} {item}" for n, item in enumerate(found, 1) if isinstance(item, str)]
    if faults or not found:
        raise ZooError("The messages are no conversation.", why=faults or "there are none")
    return Conversation(tuple(item for item in found if isinstance(item, Message)))


def texts_of(example: Any) -> list[str]:
    """The texts that an example of text generation is made of."""
    if isinstance(example, Conversation):
        return [message.content for message in example.messages]
    if isinstance(example, Preference):
        return [*texts_of(example.answered[0]), example.rejected]
    return [example.prompt, example.completion] if isinstance(example, Completion) else [example]


def read_messages(value: Any) -> Iterator[Message | str]:
    """The messages of one row, each of them `{"role", "content"}` or sharegpt's `{"from", "value"}`.

    A content is a string, or a list of text parts, which are joined by line breaks.

    Yields:
        each message, or in its place what is wrong with it, in a few words.
    """
    for item in value:
        if not isinstance(item, Mapping):
            yield f"with a message that is no object, such as {item!r:.40}"
            continue
        role = item.get("role", item.get("from"))
        content = joined_parts(item.get("content", item.get("value")))
        role = _SHAREGPT.get(role, role) if isinstance(role, str) else role
        if role not in ROLES:
            yield f"with the role {role!r:.40}.{did_you_mean(str(role), ROLES)} Known are {', '.join(ROLES)}"
        elif content is None:
            yield "with a message whose content is not text"
        elif unread := next((key for key in _UNREAD if item.get(key)), "weight" if item.get("weight") == 0 else ""):
            yield f"with '{unread}' in a message, which zoo does not train as it is meant"
        else:
            yield Message(role, content)


def read_side(value: Any, column: str | None, note: Callable[[str], None]) -> Side | None:
    """A cell with a prompt or an answer; None where its messages are none, which is noted."""
    if value is None or isinstance(value, str):
        return value or ""
    found = list(read_messages(value))
    for item in found:
        if isinstance(item, str):
            note(f"{item[0].upper()}{item[1:]} (column '{column}')")
    told = tuple(item for item in found if isinstance(item, Message))
    return told if len(told) == len(found) else None


def with_texts(value: Any) -> Any:
    """A row's messages with each content as one text where it is told in parts, so that rows make a column.

    Any other value stays as it is.
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) and "content" in item for item in value):
        return value
    return [{**item, "content": _one_text(item["content"])} for item in value]


def _one_text(content: Any) -> Any:
    joined = joined_parts(content)
    return content if joined is None or content is None else joined


def joined_parts(content: Any) -> str | None:
    """A message's content as one text; None where a part of it is no text."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, Sequence):
        return None
    kinds = {part.get("type", "text") for part in content if isinstance(part, Mapping)}
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
    texts = [part for part in parts if isinstance(part, str)]
    return "\n".join(texts) if kinds <= {"text"} and len(texts) == len(parts) else None
