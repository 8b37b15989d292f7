"""What every worker shares: the job it is given, the clock that its process started, its one line of answer.

A worker runs in its contender's environment, where neither zoo nor this package can be imported.
"""

from __future__ import annotations

import json
import os
import sys
import time

JOB = json.loads(sys.argv[1])


def elapsed() -> float:
    """Seconds since just before this process was started; the monotonic clock is one for the machine."""
    return time.monotonic() - float(os.environ["BENCHMARK_STARTED"])


def answer(**facts: float) -> None:
    """Print the facts as the one JSON line that the harness reads: the last of the output."""
    print(json.dumps(facts), flush=True)


def embed_in_turn(embed) -> None:
    """Embed the job's texts one at a time, save all the rows, answer with the time of the first and second.

    Args:
        embed: from one text to an array `(1, dim)` on the host.
    """
    first = embed(JOB["texts"][0])
    first_s = elapsed()
    second = embed(JOB["texts"][1])
    second_s = elapsed() - first_s

    import numpy as np

    rest = [embed(text) for text in JOB["texts"][2:]]
    np.save(JOB["output"], np.concatenate([first, second, *rest]))
    answer(first_s=first_s, second_s=second_s)
