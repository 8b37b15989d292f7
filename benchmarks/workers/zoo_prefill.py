"""zoo's prefill alone: the compiled function on a prompt, and the token on the host."""

import jax
from decode_job import prompts, seconds
from job import JOB, answer

import zoo
from zoo.generate.engine import Engine, bucket
from zoo.generate.sampling import Shape, numbers
from zoo.generate.settings import Sampling

model = zoo.load(JOB["checkpoint"], dtype=JOB["dtype"])
engine = Engine(model)
ids = prompts(1)
arrays = {"input_ids": ids, "attention_mask": ids * 0 + 1, "numbers": ids[:, 0].astype("uint32")}
shape = Shape.of(Sampling(), logprobs=False, vocab_size=model.config.vocab_size)
state = [variable.value for variable in model.variables]


def prefill() -> None:
    columns = bucket(ids.shape[1] + 1)
    found, *_ = engine._prefill(
        state, arrays, numbers(Sampling()), jax.numpy.uint32(0), shape=shape, columns=columns
    )
    jax.device_get(found)


prefill()
answer(first_s=seconds(prefill))
