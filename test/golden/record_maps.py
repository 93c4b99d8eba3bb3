"""Records maps.json: class-activation maps of torchvision's networks in evaluation mode, three classes, 2 images 64x96.

Run: python3 test/golden/record_maps.py   (PyTorch 1.13, torchvision 0.14)

Weights come from record_models.py's formula; running means are zero and running variances one. PyTorch computes in
float64 from those float32 values; the script prints how far its own float32 is from it: the tolerance's floor.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
import torchvision.models

from hashed import hashed
from record_models import distance, encode, initialise

SHAPE = (2, 3, 64, 96)
LAYERS = {
    'resnet18': ['layer4', 'layer4.1.bn2', 'layer4.0.relu', 'layer3.0.bn1', 'layer2', 'layer2.0.downsample'],
    'densenet121': [
        'features',
        'features.denseblock4',
        'features.denseblock4.denselayer2.relu2',
        'features.denseblock3',
        'features.transition2.norm',
        'features.denseblock2.denselayer7',
    ],
}
TARGETS = {'resnet18': 0, 'densenet121': 2}  # where few maps are zero throughout


def last_features(model, x):
    """What is pooled. torchvision's DenseNet pools relu(features)."""
    if hasattr(model, 'features'):
        return F.relu(model.features(x)), model.classifier
    return torch.nn.Sequential(*list(model.children())[:-2])(x), model.fc


def class_activation(model, target, x):
    """Zhou et al. 2016, eq. 2."""
    features, linear = last_features(model, x)
    return torch.einsum('k,nkhw->nhw', linear.weight[target], features)


def grad_cam(model, layer, target, x):
    """Selvaraju et al. 2017, eq. 1 and 2. Networks overwrite a layer's output in place: they are given a copy."""
    found = {}

    def cut(module, inputs, output):
        found['map'] = output.detach().clone().requires_grad_()
        return found['map'] * 1

    handle = dict(model.named_modules())[layer].register_forward_hook(cut)
    logit = model(x)[:, target].sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(logit, found['map'])
    return F.relu((gradient.mean((2, 3), keepdim=True) * found['map']).sum(1))


def run(name, dtype):
    model = getattr(torchvision.models, name)(num_classes=3)
    initialise(model, {})
    model = model.to(dtype).eval()
    x = torch.from_numpy(hashed(2 * 3 * 64 * 96, 5).reshape(SHAPE)).to(dtype)
    target = TARGETS[name]
    maps = {'': class_activation(model, target, x)}
    for layer in LAYERS[name]:
        maps[layer] = grad_cam(model, layer, target, x)
    return {layer: made.detach().double().numpy() for layer, made in maps.items()}


rows = []
for name in LAYERS:
    maps, single = run(name, torch.float64), run(name, torch.float32)
    print(name, {layer: f'{distance(single[layer], made):.1e}' for layer, made in maps.items()})
    for layer, made in maps.items():
        row = {'model': name, 'target': TARGETS[name], 'layer': layer or None, 'shape': made.shape}
        rows.append({**row, 'map': encode(made)})
target = pathlib.Path(__file__).with_name('maps.json')
target.write_text(json.dumps(rows) + '\n')
print(f'{target.stat().st_size} bytes, PyTorch {torch.__version__}, torchvision {torchvision.__version__}')
