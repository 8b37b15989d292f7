"""zoo's prefill alone: the compiled function on a prompt, and the token on the host."""

import jax
from decode_job import prompts, seconds
from job import JOB, answer

import zoo
from zoo.generate.engine import Engine

model = zoo.load(JOB["checkpoint"], dtype=JOB["dtype"])
engine = Engine(model)
ids = prompts(1)
arrays = {"input_ids": ids, "attention_mask": ids * 0 + 1}
state = [variable.value for variable in model.variables]


def prefill() -> None:
    logits, _ = engine._prefill(state, arrays)
    jax.device_get(logits.argmax(-1))


prefill()
answer(first_s=seconds(prefill))
