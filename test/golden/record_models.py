"""Records models.json: torchvision's networks in training mode, 64x64, batch 2, ten classes.

Run: python3 test/golden/record_models.py   (PyTorch 1.13, torchvision 0.14)

Weights come from one formula per parameter (see `initialise`), the same in test/models/parity.ts, so that no weight
file is needed. PyTorch computes in float64 from those float32 values. Recorded are the logits, the loss, of every
parameter's gradient the norm and SAMPLES entries, of every running statistic after that pass the same, and the
losses of STEPS steps of SGD. The script prints how far PyTorch's own float32 is from it: the tolerance's floor.
"""

import base64
import itertools
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.models

from hashed import hashed

CLASSES = 10
MARGIN = 1e-4
NUDGE = 1 / 256
SAMPLES = 24
STEPS = 5
LEARNING_RATES = {'resnet18': 2e-4, 'resnet50': 5e-5, 'densenet121': 5e-4}
MOMENTUM = 0.9
WEIGHT_DECAY = 1e-4
TARGETS = [3, 7]


def fnv1a(name):
    """The FNV-1a hash of a parameter's name seeds its values."""
    word = 0x811C9DC5
    for byte in name.encode():
        word = (word ^ byte) * 0x01000193 & 0xFFFFFFFF
    return word


def initialise(model, nudges):
    """Convolutions: uniform with He's variance 2 / fanIn. Linear: +-1 / sqrt(fanIn). Norms: 1 +- 0.2.

    Biases lie in [0.5, 1), and are then nudged. Around zero, with eight values a channel in the last stage, rounding
    errors grow so much that PyTorch's own float32 losses are off by tens of per cent after five steps.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            fan_in = parameter[0].numel()
            low, high = {
                4: (-math.sqrt(6 / fan_in), math.sqrt(6 / fan_in)),
                2: (-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in)),
                1: (0.8, 1.2) if name.endswith('weight') else (0.5, 1.0),
            }[parameter.dim()]
            values = hashed(parameter.numel(), fnv1a(name), low, high)
            for channel, steps in nudges.get(name, {}).items():
                values[channel] = np.float64(values[channel]) + NUDGE * steps
            parameter.copy_(torch.from_numpy(values).reshape(parameter.shape))


def images(noise_seed):
    """Two images `[2, 3, 64, 64]` of 8x8 even patches, under noise."""
    patches = hashed(2 * 3 * 8 * 8, 1).reshape(2, 3, 8, 8).repeat(8, 2).repeat(8, 3)
    noise = hashed(patches.size, noise_seed, -0.2, 0.2).reshape(patches.shape)
    return torch.from_numpy(patches + noise)


class NearTie(Exception):
    pass


def nudge(model, x):
    """Raises biases, by a few NUDGEs, where an input of a ReLU is within MARGIN of its kink; returns those numbers.
    Raises NearTie where the two largest values of a max-pooling window are that near to each other.

    A network of this size has millions of activations. Rounding decides on which side of zero the nearest ones fall,
    and a single one on the other side changes gradients by a per cent: no test of float32 could be sharp.
    """
    nudges, last = {}, {}
    names = {module: name for name, module in model.named_modules()}
    relu, max_pool = F.relu, F.max_pool2d

    def after_norm(norm, _, output):
        last['norm'] = norm

    def clear_relu(z, inplace=False):
        norm = last['norm']
        channels = z.transpose(0, 1).flatten(1)
        steps = torch.zeros(len(channels), dtype=z.dtype)
        while (near := ((channels + NUDGE * steps[:, None]).abs() < MARGIN).any(1)).any():
            steps[near] += 1
        norm.bias += NUDGE * steps
        if steps.any():
            nudges[names[norm] + '.bias'] = {int(c): int(steps[c]) for c in steps.nonzero()}
        return relu(z + NUDGE * steps[None, :, None, None])

    def checked_max_pool(z, kernel, stride, padding, *rest, **options):
        padded = F.pad(z, [padding] * 4, value=-1)
        windows = padded.unfold(2, kernel, stride).unfold(3, kernel, stride).flatten(4)
        first, second = windows.topk(2).values.unbind(-1)
        gap = (first - second)[first > 0].min().item()
        if gap < MARGIN / 4:
            raise NearTie
        return max_pool(z, kernel, stride, padding, *rest, **options)

    hooks = [m.register_forward_hook(after_norm) for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    F.relu, F.max_pool2d = clear_relu, checked_max_pool
    try:
        with torch.no_grad():
            model.double().train()(x.double())
    finally:
        F.relu, F.max_pool2d = relu, max_pool
        for hook in hooks:
            hook.remove()
    return nudges


def clear_of_kinks(name):
    """The first noise seed without a NearTie, and its nudges."""
    for noise_seed in itertools.count(2):
        model = getattr(torchvision.models, name)(num_classes=CLASSES)
        initialise(model, {})
        try:
            return noise_seed, nudge(model, images(noise_seed))
        except NearTie:
            continue


def encode(values):
    return base64.b64encode(np.ascontiguousarray(values, dtype='<f4').tobytes()).decode()


def summary(name, tensor):
    """[norm, samples...] of a tensor; the places come from the hash of its name."""
    flat = tensor.detach().double().flatten().numpy()
    places = np.minimum(hashed(SAMPLES, fnv1a(name) + 1, 0, flat.size).astype(np.int64), flat.size - 1)
    return np.concatenate([[np.linalg.norm(flat)], flat[places]])


def run(name, dtype, noise_seed, nudges):
    model = getattr(torchvision.models, name)(num_classes=CLASSES)
    initialise(model, nudges)
    model = model.to(dtype).train()
    x = images(noise_seed).to(dtype)
    targets = torch.tensor(TARGETS)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=LEARNING_RATES[name], momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
    )
    losses = []
    for step in range(STEPS + 1):
        optimizer.zero_grad()
        output = model(x)
        loss = F.cross_entropy(output, targets)
        losses.append(loss.item())
        loss.backward()
        if step == 0:
            logits = output.detach().double().flatten().numpy()
            gradients = {key: summary(key, p.grad) for key, p in model.named_parameters()}
            statistics = {key: summary(key, b) for key, b in model.named_buffers() if 'running' in key}
        optimizer.step()
    return logits, losses, gradients, statistics


def distance(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def farthest(ours, theirs):
    """Of summaries by name, the largest relative distance of a norm or of the samples."""
    parts = [slice(0, 1), slice(1, None)]
    return max(distance(ours[key][part], theirs[key][part]) for key in theirs for part in parts)


def main():
    rows = []
    for name in LEARNING_RATES:
        noise_seed, nudges = clear_of_kinks(name)
        logits, losses, gradients, statistics = run(name, torch.float64, noise_seed, nudges)
        single = run(name, torch.float32, noise_seed, nudges)
        print(
            f'{name}: float32 is off by {distance(single[0], logits):.1e} (logits),',
            f'{max(abs(a - b) / b for a, b in zip(single[1], losses)):.1e} (losses),',
            f'{farthest(single[2], gradients):.1e} (gradients),',
            f'{farthest(single[3], statistics):.1e} (statistics);',
            f'losses {[round(loss, 4) for loss in losses]};',
            f'noise seed {noise_seed}, {sum(map(len, nudges.values()))} biases nudged',
        )
        rows.append(
            {
                'name': name,
                'classes': CLASSES,
                'targets': TARGETS,
                'noiseSeed': noise_seed,
                'nudges': nudges,
                'sgd': {'lr': LEARNING_RATES[name], 'momentum': MOMENTUM, 'weightDecay': WEIGHT_DECAY},
                'logits': encode(logits),
                'losses': losses,
                'gradients': {key: encode(value) for key, value in gradients.items()},
                'statistics': {key: encode(value) for key, value in statistics.items()},
            }
        )
    target = pathlib.Path(__file__).with_name('models.json')
    target.write_text(json.dumps(rows) + '\n')
    print(f'{target.stat().st_size} bytes, PyTorch {torch.__version__}, torchvision {torchvision.__version__}')


if __name__ == '__main__':
    main()
