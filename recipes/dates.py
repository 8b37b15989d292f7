"""Teach a small language model to write dates in ISO form, from conversations that this script makes.

    python -m zoo_recipes.dates [FOLDER]

A decoder of random weights learns its tokenizer and its task from 6,000 questions such as "Write March 3rd, 2021 in
ISO form." and their answers. Dates are written in eighteen ways, and no date that is asked of in the end is trained
on in any of them. The script prints how many answers are exactly right before and after.
"""

from __future__ import annotations

import datetime
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import zoo

TRAIN, TEST = 6_000, 300
FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
REQUESTS = ("Write {} in ISO form.", "{} in ISO form, please.", "What is {} as an ISO date?", "{}", "ISO: {}")

MODEL = {
    "architecture": "llama",
    "task": "text-generation",
    "config": {
        "vocab_size": 320,
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 96,
    },
}


def ways(date: datetime.date) -> list[str]:
    """A date as people write it. With slashes the month comes first, with dots the day."""
    month, weekday, d, m, y = MONTHS[date.month - 1], DAYS[date.weekday()], date.day, date.month, date.year
    ending = "th" if 10 <= d <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(d % 10, "th")
    return [
        f"{month} {d}, {y}",
        f"{month} {d}{ending}, {y}",
        f"{month[:3]} {d}, {y}",
        f"{month[:3]}. {d}{ending} {y}",
        f"{d} {month} {y}",
        f"{d}{ending} {month} {y}",
        f"{d}{ending} of {month} {y}",
        f"the {d}{ending} of {month}, {y}",
        f"{d}-{month[:3]}-{y}",
        f"{d} {month[:3].upper()} {y}",
        f"{weekday}, {d} {month} {y}",
        f"{weekday}, {month} {d}, {y}",
        f"{d}.{m}.{y}",
        f"{d:02}.{m:02}.{y}",
        f"{m}/{d}/{y}",
        f"{m:02}/{d:02}/{y}",
        f"{y}/{m:02}/{d:02}",
        f"{y} {month} {d}",
    ]


def conversation(date: datetime.date, chance: random.Random) -> dict[str, list[dict[str, str]]]:
    """A question and its answer, as chat models learn from them."""
    question = chance.choice(REQUESTS).format(chance.choice(ways(date)))
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": date.isoformat()},
        ]
    }


def split_dates(test: int, chance: random.Random) -> tuple[list[datetime.date], list[datetime.date]]:
    """Dates to be asked of in the end, and all the others, in no order."""
    every = [FIRST + datetime.timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    chance.shuffle(every)
    return every[:test], every[test:]


def write_data(folder: Path, train: int = TRAIN, test: int = TEST, seed: int = 0) -> tuple[Path, Path]:
    """Write `train.jsonl` and `test.jsonl`, whose dates are never the same. Returns their paths."""
    chance = random.Random(seed)
    held_out, known = split_dates(test, chance)
    drawn = {"train": chance.choices(known, k=train), "test": held_out}
    for name, dates in drawn.items():
        lines = [json.dumps(conversation(date, chance)) + "\n" for date in dates]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder / "train.jsonl", folder / "test.jsonl"


def recipe(train: Path, test: Path, output: Path, **changes: object) -> zoo.Recipe:
    """A Llama of 0.9 million weights, trained on the answers alone."""
    return zoo.Recipe.of(
        model=MODEL,
        data={"train": str(train), "test": str(test), "validation": 0.02},
        train={"epochs": 6, "batch_size": 64, "learning_rate": 3e-3, "schedule": "cosine"} | changes,
        evaluate={"answers": ["exact_match"], "max_new_tokens": 16, "limit": TEST},
        output={"dir": str(output)},
    )


def main(arguments: Sequence[str]) -> None:
    folder = Path(*arguments[:1] or ["runs/dates"])
    folder.mkdir(parents=True, exist_ok=True)
    run = zoo.finetune(recipe(*write_data(folder), folder / "run"))
    before = next(record for record in run.history if record["step"] == 0 and "exact_match" in record)
    print(f"exact match on {TEST} dates never seen: {before['exact_match']:.1%} before, ", end="")
    print(f"{run.metrics['exact_match']:.1%} after; {run.report}")


if __name__ == "__main__":
    main(sys.argv[1:])
