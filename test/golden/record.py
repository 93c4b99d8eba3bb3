"""Records ops.json: what PyTorch computes, forward and backward, for each row of cases_table.py, by op.

Run: python3 test/golden/record.py   (PyTorch 1.13; any version from 1.10 should do)

PyTorch computes in float64 from float32 inputs, and the results are rounded to float32 once. Every differentiable
input's gradient is recorded under a hashed upstream gradient. Tensors are base64 of little-endian float32, or
`hash: [seed, low, high]` where hashed.py can make them again.
"""

import base64
import json
import pathlib
import re
import zlib

import numpy as np
import torch
import torch.nn.functional as F

from cases_table import TABLE
from hashed import hashed

UPSTREAM = 1000


def conv2d_epilogue(x, weight, bias, residual, relu, **args):
    y = F.conv2d(x, weight, bias, **args)
    y = y if residual is None else y + residual
    return torch.relu(y) if relu else y


def batch_norm_epilogue(x, running_mean, running_var, weight, bias, residual, **args):
    return torch.relu(F.batch_norm(x, running_mean, running_var, weight, bias, **args) + residual)


TORCH = {
    'slice': lambda x, dim, start, end, step=1: x[(slice(None),) * (dim % x.dim()) + (slice(start, end, step),)],
    'cat': lambda *xs, dim: torch.cat(xs, dim),
    'stack': lambda *xs, dim: torch.stack(xs, dim),
    'pad': lambda x, padding, value=0: F.pad(x, padding, value=value),
    'where': lambda condition, a, b: torch.where(condition != 0, a, b),
    'max': lambda x, **args: torch.amax(x, **args) if 'dim' in args else x.max(),
    'min': lambda x, **args: torch.amin(x, **args) if 'dim' in args else x.min(),
    'addScalar': lambda x, value: x + value,
    'subScalar': lambda x, value: x - value,
    'mulScalar': lambda x, value: x * value,
    'divScalar': lambda x, value: x / value,
    'powScalar': lambda x, value: x**value,
    'binaryCrossEntropyWithLogits': lambda x, y, weight, pos_weight, **args: F.binary_cross_entropy_with_logits(
        x, y, weight=weight, pos_weight=pos_weight, **args
    ),
    'crossEntropy': lambda x, y, weight, **args: F.cross_entropy(
        x, y if y.shape == x.shape else y.long(), weight=weight, **args
    ),
    'nllLoss': lambda x, y, weight, **args: F.nll_loss(x, y.long(), weight=weight, **args),
    'secondChunk': lambda x, **args: torch.chunk(x, **args)[1],
    'catTwice': lambda x, y, dim: torch.cat([x, y, x], dim),
    'transposedMatmul': lambda x, y: x.transpose(-1, -2) @ y.transpose(-1, -2),
    'expand': lambda x, shape: x.expand(shape),
    'conv2dEpilogue': conv2d_epilogue,
    'batchNormEpilogue': batch_norm_epilogue,
    'sigmoid': torch.sigmoid,
    'tanh': torch.tanh,
    'square': lambda x: x * x,
    'sharedInput': lambda x, y: (x * y + x) * torch.sigmoid(x) - y,
}


def snake(name):
    return re.sub('[A-Z]', lambda letter: '_' + letter.group().lower(), name)


def function(op):
    if op in TORCH:
        return TORCH[op]
    for home in (F, torch, torch.Tensor):
        if hasattr(home, snake(op)):
            return getattr(home, snake(op))
    raise KeyError(op)


def encode(values):
    return base64.b64encode(np.ascontiguousarray(values, dtype='<f4').tobytes()).decode()


def record(op, title, inputs, args, flags):
    name = f'{op}: {title}'
    seed = zlib.crc32(name.encode())
    tensors, specs = [], []
    for i, spec in enumerate(inputs):
        if spec is None:
            tensors.append(None)
            specs.append(None)
            continue
        values = spec.make(seed + i)
        specs.append({'shape': list(spec.shape), 'differentiable': spec.differentiable, **spec.describe(seed + i, encode)})
        tensors.append(torch.tensor(values, dtype=torch.float64).reshape(spec.shape))
        tensors[-1].requires_grad_(spec.differentiable)
    before = [None if t is None else t.detach().clone() for t in tensors]
    output = function(op)(*tensors, **{snake(key): value for key, value in args.items()})
    case = {'name': name, 'op': op, 'inputs': specs, 'args': args, **flags}
    case['output'] = {'shape': list(output.shape), 'data': encode(output.detach().double().numpy())}
    if output.requires_grad:
        upstream = torch.tensor(hashed(output.numel(), seed + UPSTREAM), dtype=torch.float64).reshape(output.shape)
        output.backward(upstream)
        case['upstream'] = seed + UPSTREAM
        case['gradients'] = [
            None if t is None or not t.requires_grad else encode(t.grad.numpy()) for t in tensors
        ]
    changed = {
        str(i): encode(t.detach().numpy())
        for i, t in enumerate(tensors)
        if t is not None and not torch.equal(t.detach(), before[i])
    }
    if changed:
        case['overwritten'] = changed
    return case


def main():
    cases = [record(*row) for row in TABLE]
    names = [case['name'] for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f'rows of one name: {twice}'
    ops = {}
    for case in cases:
        ops.setdefault(case.pop('op'), []).append(json.dumps(case, separators=(',', ':')))
    lines = ',\n'.join(f'"{op}": [\n' + ',\n'.join(rows) + '\n]' for op, rows in ops.items())
    target = pathlib.Path(__file__).with_name('ops.json')
    target.write_text(f'{{\n{lines}\n}}\n')
    print(f'{len(cases)} cases, {target.stat().st_size} bytes, PyTorch {torch.__version__}')


if __name__ == '__main__':
    main()
