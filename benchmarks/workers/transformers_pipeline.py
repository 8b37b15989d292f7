"""One epoch of torch's DataLoader over JPEGs. Job: `folder`, `batch`, `size`, `seed`.

The transform is torchvision's random resized crop, mirror, conversion and normalisation, written out.
"""

import math
import random
import time
from pathlib import Path

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from job import JOB, answer
from PIL import Image

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


class Pictures(torch.utils.data.Dataset):
    def __init__(self) -> None:
        self.paths = sorted(Path(JOB["folder"]).glob("*.jpg"))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, n: int):
        with Image.open(self.paths[n]) as file:
            image = file.convert("RGB")
        width, height = image.size
        for _ in range(10):
            area = width * height * random.uniform(0.08, 1)
            ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if w <= width and h <= height:
                break
        else:
            w, h = width, height
        left, top = random.randint(0, width - w), random.randint(0, height - h)
        image = image.crop((left, top, left + w, top + h)).resize((JOB["size"],) * 2, Image.Resampling.BILINEAR)
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        return pixels.sub_(MEAN[:, None, None]).div_(STD[:, None, None]), 0


loader = torch.utils.data.DataLoader(
    Pictures(), batch_size=JOB["batch"], shuffle=True, num_workers=2, persistent_workers=True
)
for _ in loader:
    pass  # the first epoch warms up
started = time.perf_counter()
for _ in loader:
    pass
answer(epoch_s=time.perf_counter() - started)
