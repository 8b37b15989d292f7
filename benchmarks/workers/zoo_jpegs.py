"""Write JPEGs of 500 x 375 pixels, smooth with some noise. Job: `folder`, `count`."""

from pathlib import Path

import numpy as np
from job import JOB, answer
from PIL import Image

folder = Path(JOB["folder"])
folder.mkdir(parents=True)
rng = np.random.default_rng(0)
y, x = np.mgrid[0:375, 0:500]
for n in range(JOB["count"]):
    waves = np.stack([np.sin(x / rng.uniform(5, 60) + y / rng.uniform(5, 60)) for _ in range(3)], -1)
    array = np.clip(waves * 80 + 128 + rng.normal(0, 15, waves.shape), 0, 255).astype(np.uint8)
    Image.fromarray(array).save(folder / f"{n:04}.jpg", quality=90)
answer()
