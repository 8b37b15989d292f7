"""What a language model answers to held-out questions, beside the answers that they have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.data.conversations import Completion, Conversation, Preference
from zoo.data.examples import Examples
from zoo.errors import RunError
from zoo.generate.prompts import encoded_prompts
from zoo.train.recipe import EvaluateKeys
from zoo.train.text_metrics import Metric, metrics_of

# Whatever the checkpoint's generation_config.json asks for; a penalty would be on the question's words, too.
_GREEDY: dict[str, Any] = {"temperature": 0.0, "repetition_penalty": 1.0}


@dataclass(frozen=True)
class Answer:
    """What a model said.

    Args:
        row: the row of the data, from 1.
        question: what it was asked: the last message, or the prompt.
        reference: the answer that it has.
        answer: the model's own.
        scores: what each metric says of it.
    """

    row: int
    question: str
    reference: str
    answer: str
    scores: dict[str, float]


class Questions:
    """The questions of some held-out examples, to be put to a model before and after it is trained.

    Without `evaluate.answers` there are none. Raises a ZooError for code of the user's that cannot be loaded.
    """

    def __init__(self, model: Any, examples: Examples, keys: EvaluateKeys) -> None:
        self.model, self.examples, self.keys = model, examples, keys
        self.metrics = metrics_of(keys.answers)

    def __bool__(self) -> bool:
        return bool(self.metrics)

    def __call__(self) -> list[Answer]:
        """The model's answers as it is now, greedily chosen, computed side by side.

        An answer ends where its question leaves no room for more; a question that leaves none has an empty one.
        Raises a RunError where a metric fails, or gives no number.
        """
        if not self:
            return []
        count = min(self.keys.limit, len(self.examples))
        chosen = [n * len(self.examples) // count for n in range(count)]
        inputs = [self.examples.inputs[n] for n in chosen]
        questions = [self.model.prompt_of(item) for item in inputs]
        texts = _continued(self.model, questions, self.keys.max_new_tokens)
        found = []
        for n, item, text in zip(chosen, inputs, texts, strict=True):
            row, reference = self.examples.rows[n], self.model.answer_of(item)
            where = f"row {row} of '{self.examples.source}'"
            scores = {name: _scored(name, metric, text, reference, where) for name, metric in self.metrics.items()}
            found.append(Answer(row, asked(item), reference, text, scores))
        return found


def asked(item: Conversation | Completion | Preference) -> str:
    """What an example asks, in plain words: without what a chat template writes around it."""
    if isinstance(item, Preference):
        return asked(item.answered[0])
    return item.prompt if isinstance(item, Completion) else item.question[-1].content if item.question else ""


def means(found: Sequence[Answer]) -> dict[str, float]:
    """The mean of each score."""
    return (
        {name: sum(item.scores[name] for item in found) / len(found) for name in found[0].scores} if found else {}
    )


def _continued(model: Any, questions: Sequence[str], most: int) -> list[str]:
    positions = model.config.max_position_embeddings
    rooms = [positions - len(ids) for ids in encoded_prompts(list(questions), model.preprocess)]
    found = [""] * len(questions)
    for room in sorted({min(most, left) for left in rooms if left > 0}):  # nearly always one
        places = [n for n, left in enumerate(rooms) if min(most, left) == room]
        texts = model.generate([questions[n] for n in places], max_new_tokens=room, **_GREEDY)
        for n, text in zip(places, texts, strict=True):
            found[n] = text
    return found


def _scored(name: str, metric: Metric, answer: str, reference: str, where: str) -> float:
    try:
        value = float(metric(answer, reference))
    except Exception as error:  # whatever the user's function raises
        raise RunError(
            f"The function '{name}' failed on {where}.", why=f"{type(error).__name__}: {error}"
        ) from error
    if not math.isfinite(value):
        raise RunError(f"The function '{name}' gave {value} for {where}; a number is needed.")
    return value
