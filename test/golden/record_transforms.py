"""Records Pillow's resize, pad, rotate, mirror and enhancements, and torchvision's functions, of gray and of colours, into transforms.json. Run: python3 test/golden/record_transforms.py"""

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




def planes(result):
    """Of a colour image: red, then green, then blue."""
    data = np.asarray(result).transpose(2, 0, 1)
    return {"width": result.width, "height": result.height, "channels": 3, "data": data.ravel().tolist()}


colors = np.stack([pixels, pixels[::-1] // 2 + 60, 255 - pixels[:, ::-1]], -1)
color = Image.fromarray(colors)
BILINEAR = F.InterpolationMode.BILINEAR


def jitter(brightness, contrast):
    """ColorJitter's two steps, brightness first."""
    return F.adjust_contrast(F.adjust_brightness(color, brightness), contrast)


record = {
    "image": flat(image),
    "resize": [flat(image.resize(size, Image.BILINEAR)) for size in [(8, 8), (17, 5), (31, 40), (5, 60), (1, 1)]],
    "pad": [flat(ImageOps.pad(image, size, Image.BILINEAR)) for size in [(9, 9), (20, 23), (30, 11), (40, 47)]],
    "centerCrop": [flat(F.center_crop(image, list(size))) for size in [(10, 10), (11, 12), (20, 14), (26, 10), (24, 20)]],
    "rotate": [{"degrees": d, **flat(image.rotate(d, Image.BILINEAR))} for d in [10, -30, 90, 180, 3.7]],
    "brightness": [{"factor": f, **flat(ImageEnhance.Brightness(image).enhance(f))} for f in [0.6, 1.4]],
    "contrast": [{"factor": f, **flat(ImageEnhance.Contrast(image).enhance(f))} for f in [0.5, 1.7]],
    "color": {
        "image": planes(color),
        "resize": [planes(F.resize(color, list(size), BILINEAR)) for size in [(8, 8), (5, 17), (40, 31), (1, 1)]],
        "pad": [planes(ImageOps.pad(color, size, Image.BILINEAR)) for size in [(9, 9), (30, 11)]],
        "centerCrop": [planes(F.center_crop(color, list(size))) for size in [(10, 10), (26, 10)]],
        "rotate": [{"degrees": d, **planes(F.rotate(color, d, BILINEAR))} for d in [10, -30, 90, 180, 3.7]],
        "flip": planes(F.hflip(color)),
        "brightness": [{"factor": f, **planes(F.adjust_brightness(color, f))} for f in [0.6, 1.4]],
        "contrast": [{"factor": f, **planes(F.adjust_contrast(color, f))} for f in [0.5, 1.7]],
        "jitter": [{"factors": [b, c], **planes(jitter(b, c))} for b, c in [(0.7, 1.3), (1.2, 0.6)]],
    },
}
pathlib.Path(__file__).with_name("transforms.json").write_text(json.dumps(record) + "\n")
