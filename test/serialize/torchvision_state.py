"""Writes whole torchvision state dicts, and the logits of the networks that they are of.

Run: python3 test/serialize/torchvision_state.py FOLDER   (the test does, where PyTorch and torchvision are installed)
"""
import json
import pathlib
import re
import sys

import torch
import torchvision

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(0)
x = torch.randn(2, 3, 64, 64)
logits = {}
for name in ["resnet18", "densenet121"]:
    model = getattr(torchvision.models, name)()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.8, 1.2)
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
    model.eval()
    state = model.state_dict()
    logits[name] = model(x).flatten().tolist()
    torch.save(state, folder / f"{name}.zip.pth")
    # The files of 2017: no num_batches_tracked, and in DenseNet norm.1, conv.1 where later ones have norm1, conv1.
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): value
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    }
    torch.save(old, folder / f"{name}.old.pth", _use_new_zipfile_serialization=False)
(folder / "logits.json").write_text(json.dumps({"x": x.flatten().tolist(), **logits}))
