"""Generation with zoo, and the memory it takes above the imports."""

import jax
import numpy as np
from decode_job import prompts, run, seconds
from job import JOB

import zoo
import zoo.tasks  # and Keras with it: what an import costs is no part of a model's memory


def status(name: str) -> float:
    """A size in MiB that the kernel tells of this process: VmRSS, or VmHWM, the highest it was."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


before = status("VmRSS")
model = zoo.load(JOB["checkpoint"], dtype=JOB["dtype"])
GPU = jax.devices()[0] if jax.default_backend() == "gpu" else None


def generate(ids: np.ndarray, new: int) -> np.ndarray:
    return np.array(model.generate({"input_ids": ids}, max_new_tokens=new))


generate(prompts(1), JOB["new"])
held = GPU.memory_stats()["peak_bytes_in_use"] / 2**20 if GPU else status("VmHWM") - before
others = iter([prompts(1, seed=n) for n in range(1, 1 + JOB["repeats"])])
run(generate, first_s=seconds(lambda: generate(next(others), 1)), held_mib=held)
