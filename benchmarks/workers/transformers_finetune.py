"""Fine-tune MiniLM with transformers' Trainer, its defaults kept.

Job: `model`, `train`, `test`, `labels`, `max_length`, `epochs`, `batch_size`, `learning_rate`, `seed`,
`sampling` (the Trainer's `train_sampling_strategy`), `output` (a directory).
"""

import csv

import numpy as np
from job import JOB, answer, elapsed
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

tokenizer = AutoTokenizer.from_pretrained(JOB["model"])
model = AutoModelForSequenceClassification.from_pretrained(
    JOB["model"],
    num_labels=len(JOB["labels"]),
    id2label=dict(enumerate(JOB["labels"])),
    label2id={label: index for index, label in enumerate(JOB["labels"])},
)


def rows(path: str) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    encoded = tokenizer([row["text"] for row in read], truncation=True, max_length=JOB["max_length"])
    return [
        {
            "input_ids": encoded["input_ids"][index],
            "attention_mask": encoded["attention_mask"][index],
            "label": JOB["labels"].index(row["label"]),
        }
        for index, row in enumerate(read)
    ]


trainer = Trainer(
    model=model,
    args=TrainingArguments(
        output_dir=JOB["output"],
        num_train_epochs=JOB["epochs"],
        per_device_train_batch_size=JOB["batch_size"],
        per_device_eval_batch_size=JOB["batch_size"],
        learning_rate=JOB["learning_rate"],
        train_sampling_strategy=JOB["sampling"],
        seed=JOB["seed"],
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    ),
    train_dataset=rows(JOB["train"]),
    data_collator=DataCollatorWithPadding(tokenizer),
    compute_metrics=lambda scored: {
        "accuracy": np.mean(np.argmax(scored.predictions, axis=-1) == scored.label_ids)
    },
)
train_began = elapsed()
trainer.train()
trained = elapsed()
trainer.save_model()
saved = elapsed()
accuracy = trainer.evaluate(rows(JOB["test"]))["eval_accuracy"]  # pyright: ignore[reportArgumentType]
answer(train_s=trained - train_began, saved_s=saved, accuracy=float(accuracy))
