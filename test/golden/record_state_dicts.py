"""Records state-dicts.json: the keys and shapes of torchvision's state dicts, in order, and the parameter counts.

Run: python3 test/golden/record_state_dicts.py   (torchvision 0.14)

Three networks are listed in full; the others, made of the same blocks, by the SHA-256 of their list.
"""

import hashlib
import json
import pathlib

import torchvision.models

LISTED = ['resnet18', 'resnet50', 'densenet121']
HASHED = ['resnet34', 'resnet101', 'resnet152', 'densenet161', 'densenet169', 'densenet201']

golden = {}
for name in LISTED + HASHED:
    model = getattr(torchvision.models, name)(weights=None)
    entries = [f'{key} {json.dumps(list(tensor.shape))}' for key, tensor in model.state_dict().items()]
    golden[name] = {
        'parameters': sum(p.numel() for p in model.parameters()),
        'sha256': hashlib.sha256('\n'.join(entries).encode()).hexdigest(),
        **({'entries': entries} if name in LISTED else {}),
    }
path = pathlib.Path(__file__).with_name('state-dicts.json')
path.write_text(json.dumps(golden, indent=0) + '\n')
