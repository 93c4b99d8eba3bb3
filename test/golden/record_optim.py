"""Records optim.json: ten steps of each optimiser under each option, and the learning rates of each schedule.

Run: python3 test/golden/record_optim.py   (PyTorch 1.13)

Two parameters, [2, 3] and [4], descend sum(c * p^4 / 4 - p), so that the gradient c * p^3 - 1 changes from step to
step; the values of both are recorded after every step, in float64. Clipping is recorded for those first gradients.
"""

import json
import pathlib

import torch
from torch.optim import lr_scheduler as S

START = [[0.5, -1.2, 0.9, 1.4, -0.3, 0.05], [1.1, -0.7, 0.2, -1.6]]
FACTOR = [[1.0, 0.5, 2.0, 0.25, 1.5, 3.0], [0.8, 1.2, 0.5, 0.4]]
STEPS = 10

OPTIMIZERS = [
    ('SGD', {'lr': 0.1}),
    ('SGD', {'lr': 0.1, 'momentum': 0.9}),
    ('SGD', {'lr': 0.1, 'momentum': 0.9, 'dampening': 0.3, 'weight_decay': 0.01}),
    ('SGD', {'lr': 0.05, 'momentum': 0.8, 'nesterov': True, 'weight_decay': 0.1}),
    ('SGD', {'lr': 0.01, 'momentum': 0.5, 'maximize': True}),
    ('Adam', {}),
    ('Adam', {'lr': 0.1, 'betas': (0.8, 0.9), 'eps': 1e-4, 'weight_decay': 0.1}),
    ('Adam', {'lr': 0.05, 'maximize': True}),
    ('AdamW', {'lr': 0.1}),
    ('AdamW', {'lr': 0.05, 'betas': (0.7, 0.95), 'eps': 1e-6, 'weight_decay': 0.2}),
    ('AdamW', {'lr': 0.05, 'maximize': True}),
]

SCHEDULES = [
    ('StepLR', {'step_size': 3, 'gamma': 0.3}, 20),
    ('MultiStepLR', {'milestones': [2, 5, 5, 11], 'gamma': 0.5}, 20),
    ('ExponentialLR', {'gamma': 0.9}, 20),
    ('LinearLR', {}, 20),
    ('LinearLR', {'start_factor': 0.1, 'end_factor': 0.8, 'total_iters': 8}, 20),
    ('CosineAnnealingLR', {'T_max': 10}, 45),
    ('CosineAnnealingLR', {'T_max': 7, 'eta_min': 0.01}, 30),
    ('OneCycleLR', {'max_lr': 1.0, 'total_steps': 30}, 29),
    ('OneCycleLR', {'max_lr': [1.0, 0.5], 'epochs': 4, 'steps_per_epoch': 10, 'pct_start': 0.4,
                    'anneal_strategy': 'linear', 'base_momentum': 0.8, 'max_momentum': 0.9,
                    'div_factor': 10.0, 'final_div_factor': 100.0, 'three_phase': True}, 39),
]

PLATEAUS = [
    {'factor': 0.5, 'patience': 2},
    {'factor': 0.1, 'patience': 1, 'cooldown': 3, 'min_lr': 0.002},
    {'mode': 'max', 'factor': 0.3, 'patience': 0, 'threshold': 0.05, 'threshold_mode': 'abs'},
    {'mode': 'max', 'factor': 0.3, 'patience': 1, 'threshold': 0.1, 'min_lr': [0.01, 0.001]},
]
METRICS = [1.0, 0.9, 0.95, 0.91, 0.89995, 0.8, 0.85, float('nan'), 0.9, 0.81, 0.7, 0.7, 0.7, 0.7, 0.75, 0.72, 0.6, 0.9,
           1.3, 1.2, 1.31, 1.32, 1.1, 1.0, 0.99, 1.5, 1.4, 1.3, 1.2, 1.1]

SEQUENCES = {
    'warm-up, then cosine': ([('LinearLR', {'start_factor': 0.1, 'total_iters': 5}),
                              ('CosineAnnealingLR', {'T_max': 15})], [5], 25),
    'three': ([('ExponentialLR', {'gamma': 0.9}), ('StepLR', {'step_size': 2, 'gamma': 0.5}),
               ('LinearLR', {'total_iters': 4})], [4, 9], 18),
}


def parameters():
    shapes = [(2, 3), (4,)]
    return [torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
            for values, shape in zip(START, shapes)]


def loss(params):
    return sum((torch.tensor(c, dtype=torch.float64) * p.flatten() ** 4 / 4 - p.flatten()).sum()
               for c, p in zip(FACTOR, params))


def optimizer_run(kind, options):
    params = parameters()
    optimizer = getattr(torch.optim, kind)(params, **{'lr': 1e-3, **options})
    values = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss(params).backward()
        optimizer.step()
        values.append([x for p in params for x in p.detach().flatten().tolist()])
    return {'kind': kind, 'options': options, 'values': values}


def two_groups():
    first, second = parameters()
    return torch.optim.SGD([{'params': [first]}, {'params': [second], 'lr': 0.02}], lr=0.1, momentum=0.9)


def rates(optimizer):
    return [group['lr'] for group in optimizer.param_groups]


def schedule_run(kind, options, steps):
    optimizer = two_groups()
    schedule = getattr(S, kind)(optimizer, **options)
    lrs, momenta = [rates(optimizer)], [optimizer.param_groups[0]['momentum']]
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        lrs.append(rates(optimizer))
        momenta.append(optimizer.param_groups[0]['momentum'])
    return {'kind': kind, 'options': options, 'lrs': lrs, 'momenta': momenta}


def plateau_run(options):
    optimizer = two_groups()
    schedule = S.ReduceLROnPlateau(optimizer, **options)
    lrs = []
    for metric in METRICS:
        schedule.step(metric)
        lrs.append(rates(optimizer))
    return {'options': options, 'lrs': lrs}


def sequence_run(name, parts, milestones, steps):
    optimizer = two_groups()
    schedules = [getattr(S, kind)(optimizer, **options) for kind, options in parts]
    schedule = S.SequentialLR(optimizer, schedules, milestones)
    lrs = [rates(optimizer)]
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        lrs.append(rates(optimizer))
    return {'name': name, 'parts': [{'kind': kind, 'options': options} for kind, options in parts],
            'milestones': milestones, 'lrs': lrs}


def clip_run(max_norm, norm_type):
    params = parameters()
    loss(params).backward()
    norm = torch.nn.utils.clip_grad_norm_(params, max_norm, norm_type)
    return {'maxNorm': max_norm, 'normType': norm_type if norm_type != float('inf') else None, 'norm': norm.item(),
            'values': [x for p in params for x in p.grad.flatten().tolist()]}


golden = {
    'start': START,
    'factor': FACTOR,
    'metrics': [metric if metric == metric else None for metric in METRICS],
    'optimizers': [optimizer_run(*case) for case in OPTIMIZERS],
    'schedules': [schedule_run(*case) for case in SCHEDULES],
    'plateaus': [plateau_run(options) for options in PLATEAUS],
    'sequences': [sequence_run(name, *case) for name, case in SEQUENCES.items()],
    'clips': [clip_run(*case) for case in [(1.0, 2.0), (100.0, 2.0), (0.5, float('inf')), (1.0, 1.0), (2.0, 3.0)]],
}
path = pathlib.Path(__file__).with_name('optim.json')
path.write_text(json.dumps(golden, allow_nan=False, separators=(',', ':')).replace('{"kind"', '\n{"kind"') + '\n')
