"""Coverage-guided fuzzing of the safetensors reader, run by hand:

    pip install atheris
    python tests/fuzz/safetensors_target.py -max_total_time=600

Whatever the bytes are, reading them ends in tensors or in a ZooError.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # pyright: ignore[reportMissingImports]

with atheris.instrument_imports(include=["zoo", "json"]):
    from zoo.errors import ZooError
    from zoo.weights.reader import Checkpoint

FILE = Path(tempfile.mkdtemp()) / "model.safetensors"


def once(data: bytes) -> None:
    # A length that fits gets the fuzzer past the first check more often.
    length = max(0, len(data) - data[0]) if data else 0
    FILE.write_bytes((length.to_bytes(8, "little") + data[1:]) if data and data[0] % 2 else data)
    try:
        checkpoint = Checkpoint([FILE], "the fuzzer's")
        for name in checkpoint.tensors:
            if checkpoint.is_float(name):
                checkpoint.read(name)
    except ZooError as error:
        str(error)


if __name__ == "__main__":
    seed = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    corpus = FILE.parent / "corpus"
    corpus.mkdir()
    (corpus / "sound").write_bytes(len(seed).to_bytes(8, "little") + seed + bytes(4))
    atheris.Setup([*sys.argv, str(corpus)], once)
    atheris.Fuzz()
