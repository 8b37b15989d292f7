"""Write a checkpoint with random weights. Job: `source` (a folder with config.json), `target`."""

from job import JOB, answer, elapsed

import zoo

zoo.load(JOB["source"], weights="random").save_pretrained(JOB["target"])
answer(written_s=elapsed())
