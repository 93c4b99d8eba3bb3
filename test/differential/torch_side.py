"""Runs programs of ops with PyTorch: a line of JSON in, a line out. See program.ts and run.ts.

Each runs twice, in float64 and in float32: the first is what is right, the second how far rounding may lead away.
"""

import json
import pathlib
import sys

import torch

golden = pathlib.Path(__file__).parent.parent / 'golden'
sys.path.insert(0, str(golden))

from hashed import hashed  # noqa: E402
from record import function, snake  # noqa: E402

torch.set_num_threads(1)


def run(program, dtype):
    """Values of the steps and gradients of the inputs, or the step that PyTorch refuses and its words."""
    leaves = []
    for spec in program['inputs']:
        leaf = torch.tensor([float(x) for x in spec['values']], dtype=torch.float64).reshape(spec['shape']).to(dtype)
        leaves.append(leaf.requires_grad_(spec['differentiable']))
    values = list(leaves)
    for i, step in enumerate(program['steps']):
        inputs = [None if at is None else values[at] for at in step['inputs']]
        args = {snake(key): value for key, value in step['args'].items()}
        try:
            output = function(step['op'])(*inputs, **args)
            values.append(output if output.dtype.is_floating_point else output.to(dtype))
            if output.requires_grad:
                # PyTorch 1.13's batch norm and pools are wrong, or fail, under a gradient that is a view.
                output.register_hook(lambda gradient: gradient.contiguous())
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            return {'step': i, 'message': str(error).split('\n')[0]}
    total = 0
    for at in program['ends']:
        if values[at].requires_grad:
            upstream = torch.from_numpy(hashed(values[at].numel(), program['seed'] + at)).to(dtype)
            total = total + (values[at].reshape(-1) * upstream).sum()
    outputs = [describe(value) for value in values[len(leaves) :]]
    try:
        if isinstance(total, torch.Tensor):
            total.backward()
    except RuntimeError:
        # A fault of PyTorch's own, as "grad_input must be contiguous": it has no gradients to compare with.
        return {'outputs': outputs, 'gradients': None}
    return {'outputs': outputs, 'gradients': [None if leaf.grad is None else describe(leaf.grad) for leaf in leaves]}


def describe(tensor):
    # NaN and infinity are no JSON: they go as text, both ways.
    flat = tensor.detach().double().reshape(-1).tolist()
    return {'shape': list(tensor.shape), 'values': [x if abs(x) < float('inf') else str(x) for x in flat]}


for line in sys.stdin:
    program = json.loads(line)
    answer = [run(program, dtype) for dtype in (torch.float64, torch.float32)]
    print(json.dumps(answer), flush=True)
