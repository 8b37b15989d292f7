"""Which characters of an example's text are trained, and whose they are."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from itertools import pairwise

from zoo.chat.sandbox import Marks
from zoo.chat.template import ChatTemplate, Rendered, TemplateError
from zoo.data.conversations import ALL, ANSWER, Conversation, Message


class UntoldError(Exception):
    """It cannot be told which part of a text is a message's.

    Args:
        why: in a sentence.
        hard: it is the template's fault, not these messages'.
    """

    def __init__(self, why: str, *, hard: bool = False) -> None:
        super().__init__(why)
        self.hard = hard


@dataclass(frozen=True)
class Span:
    """A part of a text that the loss is on: a message, with what ends its turn.

    Args:
        answer: it is the model's own, and is to end with a stop token.
        whole: a turn ends with it; more of the same answer follows where it is not.
    """

    start: int
    end: int
    answer: bool = True
    whole: bool = True


def find_spans(template: ChatTemplate, conversation: Conversation) -> tuple[Rendered, list[Span]]:
    """The text of a conversation as the template writes it, and the parts of it that are trained, in order.

    Where the template marks what the model is to say by `{% generation %}`, that is it. Elsewhere an answer is what
    it adds: the text of the messages up to it, without the text of those before it and the prompt for an answer.
    Any other message is what it adds to the text of those before it. A text that is trained whole is one part, and
    its answers are others, as far as they can be told.

    Raises:
        UntoldError: the template writes messages differently once others follow them, or answers otherwise than it
            prompts for them.
        TemplateError: it refuses the messages.
    """
    text, marked = template.marked(conversation.messages)
    if conversation.train_on == ALL:
        return Rendered(text), [Span(0, len(text), answer=False), *_answers(template, conversation.messages, text)]
    chosen = conversation.trained()
    if template.marks_answers and all(conversation.messages[n].role == ANSWER for n in chosen):
        return Rendered(text), _marked_spans(template, conversation, marked)
    return Rendered(text), [_span(template, conversation.messages, n, text) for n in chosen]


def _marked_spans(template: ChatTemplate, conversation: Conversation, marked: Marks) -> list[Span]:
    """What the template marks, by answer: it may mark an answer in several parts."""
    answers = [n for n, message in enumerate(conversation.messages) if message.role == ANSWER]
    chosen = conversation.trained()
    if len(marked) == len(answers):
        return [Span(*marks) for n, marks in zip(answers, marked, strict=True) if n in chosen]
    counts = [len(template.marked(conversation.messages[: n + 1])[1]) for n in answers]
    return [
        Span(*marks, whole=place == end)
        for n, (start, end) in zip(answers, pairwise((0, *counts)), strict=True)
        if n in chosen
        for place, marks in enumerate(marked[start:end], start + 1)
    ]


def _answers(template: ChatTemplate, messages: tuple[Message, ...], text: str) -> list[Span]:
    """The answers that can be told apart; where none can, the last one from its words to the end of the text."""
    places = [n for n, message in enumerate(messages) if message.role == ANSWER]
    told: list[Span] = []
    for n in places:
        with contextlib.suppress(UntoldError):
            told.append(_span(template, messages, n, text))
    return told or [Span(max(0, text.rfind(messages[places[-1]].content.strip())), len(text))]


def turn_ends(template: ChatTemplate, conversation: Conversation, text: str) -> list[int]:
    """Where the text may be cut without cutting an answer: behind each answer, where that can be told."""
    ends = []
    for n, message in enumerate(conversation.messages[:-1]):
        if message.role == ANSWER and text.startswith(part := template.render(conversation.messages[: n + 1])):
            ends.append(len(part))
    return ends


def dropped_roles(template: ChatTemplate, conversation: Conversation, text: str) -> list[str]:
    """The roles of messages that the text has nothing of."""
    found, place = [], 0
    for n, message in enumerate(conversation.messages):
        content = message.content.strip()
        elsewhere = any(content in other.content for m, other in enumerate(conversation.messages) if m != n)
        at = -1 if elsewhere else text.find(content, place)
        if at >= 0:
            place = at + len(content)
        elif not _depends(template, conversation.messages, n, text):
            found.append(message.role)
    return list(dict.fromkeys(found))


def _depends(template: ChatTemplate, messages: tuple[Message, ...], n: int, text: str) -> bool:
    """Whether the text would be another if a message said more."""
    longer = Message(messages[n].role, f"{messages[n].content} and more")
    return template.render((*messages[:n], longer, *messages[n + 1 :])) != text


def _span(template: ChatTemplate, messages: tuple[Message, ...], n: int, text: str) -> Span:
    answer = messages[n].role == ANSWER
    if n == 0 and answer:
        raise UntoldError("With an answer first, and no prompt before it")
    try:
        before = template.render(messages[:n], add_generation_prompt=answer) if n else ""
        until = template.render(messages[: n + 1]) if n + 1 < len(messages) else text
        prompts = not until.startswith(before) and until.startswith(template.render(messages[:n]))
    except TemplateError as fault:
        raise UntoldError(
            f"What is trained cannot be told, for of the first messages alone: {fault.what}", hard=fault.hard
        ) from fault
    if prompts:
        raise UntoldError(
            "The template prompts for an answer otherwise than it writes one, such as by beginning a thought, so "
            "answers are not told apart (a template with {% generation %} marks them: data.chat_template)",
            hard=True,
        )
    if not (until.startswith(before) and text.startswith(until)):
        raise UntoldError(
            "The template writes a message in another way once others follow, so its part of the text is not told "
            'apart (data.train_on = "last", or a template with {% generation %}, does without that)',
            hard=True,
        )
    return Span(len(before), len(until), answer)
