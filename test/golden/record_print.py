"""Records print.json: tensors as PyTorch prints them.

Run: python3 test/golden/record_print.py   (PyTorch 1.13)

A case has the values (null for NaN, 'inf' and '-inf'), or 'ramp' for arange / divisor where there are many, the shape,
and the text without its `size=`.
"""

import json
import math
import pathlib
import re

import torch

VALUES = [
    ([], [3.0]),
    ([], [-0.25]),
    ([0], []),
    ([2, 0], []),
    ([3], [1.0, 2.0, 3.0]),
    ([3], [1.0, -2.0, 30.0]),
    ([4], [0.5, -1.25, 3.14159, 100.0]),
    ([3], [0.03125, 0.09375, -0.00005]),
    ([3], [1e-5, 1.0, 2.0]),
    ([3], [1.5, 2000.25, -3.0]),
    ([3], [1.03125, 2.09375, 20000.0]),
    ([2], [1e9, 1.0]),
    ([2], [123456789.0, 2e8]),
    ([4], [math.nan, 1.0, math.inf, -math.inf]),
    ([4], [math.nan, 1.5, math.inf, -math.inf]),
    ([2], [math.nan, math.nan]),
    ([3], [0.0, 0.0, 0.0]),
    ([2], [0.0, -0.0]),
    ([2, 3], [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]),
    ([2, 1, 3], [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]),
    ([1, 2, 2, 2], [0.1, 0.2, 0.3, 0.4, -0.5, 0.6, 0.7, 0.8]),
    ([30], [i / 7 for i in range(30)]),
    ([3, 13], [i * 1.0 for i in range(39)]),
]
RAMPS = [([1000], 1), ([1001], 1), ([1001], 7), ([40, 50], 3), ([2, 3, 200], 1), ([9, 8, 7, 6], 100), ([1, 5000], 1), ([7, 1, 1, 400], 1e6)]


def text(x):
    return re.sub(r',\s*size=\([^)]*\)\)$', ')', str(x))


def plain(value):
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


cases = [
    {'shape': shape, 'values': [plain(v) for v in values], 'text': text(torch.tensor(values).reshape(shape))}
    for shape, values in VALUES
] + [
    {'shape': shape, 'ramp': divisor, 'text': text((torch.arange(math.prod(shape), dtype=torch.float64) / divisor).float().reshape(shape))}
    for shape, divisor in RAMPS
]
out = pathlib.Path(__file__).with_name('print.json')
out.write_text(json.dumps(cases, indent=0, ensure_ascii=False) + '\n')
print(len(cases), 'cases', out.stat().st_size, 'bytes')
