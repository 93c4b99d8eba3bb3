"""Records Pillow's resize, pad, rotate and enhancements, and torchvision's centre crop, into transforms.json. Run: python3 test/golden/record_transforms.py"""

import json
import pathlib

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms import functional as F

rng = np.random.default_rng(0)
y, x = np.mgrid[0:23, 0:17]
pixels = (120 + 80 * np.sin(x / 2.5) * np.cos(y / 3.5) + 40 * rng.random((23, 17))).clip(0, 255).astype(np.uint8)
image = Image.fromarray(pixels)


def flat(result):
    return {"width": result.width, "height": result.height, "data": np.asarray(result).ravel().tolist()}


record = {
    "image": flat(image),
    "resize": [flat(image.resize(size, Image.BILINEAR)) for size in [(8, 8), (17, 5), (31, 40), (5, 60), (1, 1)]],
    "pad": [flat(ImageOps.pad(image, size, Image.BILINEAR)) for size in [(9, 9), (20, 23), (30, 11), (40, 47)]],
    "centerCrop": [flat(F.center_crop(image, list(size))) for size in [(10, 10), (11, 12), (20, 14), (26, 10), (24, 20)]],
    "rotate": [{"degrees": d, **flat(image.rotate(d, Image.BILINEAR))} for d in [10, -30, 90, 180, 3.7]],
    "brightness": [{"factor": f, **flat(ImageEnhance.Brightness(image).enhance(f))} for f in [0.6, 1.4]],
    "contrast": [{"factor": f, **flat(ImageEnhance.Contrast(image).enhance(f))} for f in [0.5, 1.7]],
}
pathlib.Path(__file__).with_name("transforms.json").write_text(json.dumps(record) + "\n")
