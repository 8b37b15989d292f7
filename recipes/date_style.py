"""Teach a small chat model which of two ways to answer is the better: by preferences (DPO), on data made here.

    python -m zoo_recipes.date_style [FOLDER]

First a decoder of random weights learns to say a date again, from conversations whose answers are in two styles: a
third in ISO form, the others as "March 3, 2021". Then an adapter is trained on pairs of answers to a question, of
which the ISO form is preferred. The script prints, for dates that it has never seen, how often the preferred answer
is the likelier one and how often the model gives exactly that, before and after.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import zoo

from . import dates

TALKS, PAIRS, TEST = 6_000, 1_200, 300
QUESTIONS = ("Which date is {}?", "Say {} again.", "{}", "Date: {}")
ISO_SHARE = 1 / 3


def in_words(day: date) -> str:
    """The style that is not preferred: `March 3, 2021`."""
    return dates.ways(day)[0]


def asked(day: date, chance: random.Random) -> list[dict[str, str]]:
    """A question about a date, which says nothing of how it is to be answered."""
    return [{"role": "user", "content": chance.choice(QUESTIONS).format(chance.choice(dates.ways(day)))}]


def answered(question: list[dict[str, str]], answer: str) -> list[dict[str, str]]:
    return [*question, {"role": "assistant", "content": answer}]


def write_data(
    folder: Path, talks: int = TALKS, pairs: int = PAIRS, test: int = TEST, seed: int = 0
) -> tuple[Path, Path, Path]:
    """Write `talks.jsonl`, `pairs.jsonl` and `test.jsonl`, which has dates of its own. Returns their paths."""
    chance = random.Random(seed)
    held_out, known = dates.split_dates(test, chance)
    rows: dict[str, list[dict[str, Any]]] = {"talks": [], "pairs": [], "test": []}
    for day in chance.choices(known, k=talks):
        answer = day.isoformat() if chance.random() < ISO_SHARE else in_words(day)
        rows["talks"].append({"messages": answered(asked(day, chance), answer)})
    for name, days in (("pairs", chance.choices(known, k=pairs)), ("test", held_out)):
        for day in days:
            question = asked(day, chance)
            rows[name].append({"prompt": question, "chosen": day.isoformat(), "rejected": in_words(day)})
    for name, own in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own), encoding="utf-8")
    return folder / "talks.jsonl", folder / "pairs.jsonl", folder / "test.jsonl"


def first_recipe(talks: Path, output: Path, **changes: object) -> zoo.Recipe:
    """The model of the dates, which learns both styles from conversations."""
    return zoo.Recipe.of(
        model=dates.MODEL,
        data={"train": str(talks), "validation": 0.02},
        train={"epochs": 5, "batch_size": 64, "learning_rate": 3e-3, "schedule": "cosine"} | changes,
        output={"dir": str(output)},
    )


def preference_recipe(model: Path, pairs: Path, test: Path, output: Path, **changes: object) -> zoo.Recipe:
    """An adapter on that model, which learns to prefer one of them."""
    return zoo.Recipe.of(
        model={"preset": str(model), "task": "text-generation", "lora": {"rank": 16}},
        data={"train": str(pairs), "test": str(test), "validation": 0.05},
        train={"epochs": 1, "batch_size": 16, "learning_rate": 2e-4, "dpo_beta": 0.5} | changes,
        evaluate={"answers": ["exact_match"], "max_new_tokens": 24, "limit": TEST},
        output={"dir": str(output)},
    )


def likelier(model: Any, test: Path) -> float:
    """The share of pairs whose preferred answer a model holds for the likelier one."""
    rows = [json.loads(line) for line in test.read_text(encoding="utf-8").splitlines()]
    chosen, rejected = (
        model.token_losses([answered(row["prompt"], row[side]) for row in rows]).prod(axis=1)
        for side in ("chosen", "rejected")
    )
    return float((chosen < rejected).mean())


def main(arguments: Sequence[str]) -> None:
    folder = Path(*arguments[:1] or ["runs/date_style"])
    folder.mkdir(parents=True, exist_ok=True)
    talks, pairs, test = write_data(folder)
    first = zoo.finetune(first_recipe(talks, folder / "first"))
    run = zoo.finetune(preference_recipe(first.path, pairs, test, folder / "run"))
    before = next(record for record in run.history if record["step"] == 0)
    print(f"{TEST} dates never seen, before and after:")
    print(f"  preferred answer likelier   {likelier(first.model(), test):6.1%} {likelier(run.model(), test):6.1%}")
    print(f"  exactly that is given       {before['exact_match']:6.1%} {run.metrics['exact_match']:6.1%}")
    print(run.report)


if __name__ == "__main__":
    main(sys.argv[1:])
