"""Writes small torch.save files of every kind that readTorch reads, and what PyTorch says is in them.

Run: python3 test/golden/record_torch.py   (PyTorch 1.13)
"""
import collections
import json
import os
import pathlib

import torch

OUT = pathlib.Path(__file__).parent / "torch"
OUT.mkdir(exist_ok=True)
torch.manual_seed(0)


class Command:
    def __reduce__(self):
        return (os.system, ("true",))


base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
dtypes = collections.OrderedDict(
    (str(dtype).split(".")[1], (torch.randn(2, 3) * 50).to(dtype))
    for dtype in [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
                  torch.int16, torch.int8, torch.uint8, torch.bool]
)
dtypes["int64_scalar"] = torch.tensor(1234567)
dtypes["half_special"] = torch.tensor([0.0, -0.0, 6e-8, 65504.0, float("inf"), float("-inf")], dtype=torch.float16)
views = collections.OrderedDict(
    transposed=base.t(),
    row=base[2],
    column=base[:, 3],
    stepped=base[1:, ::2],
    whole=base,
    expanded=torch.tensor([1.0, 2.0]).reshape(2, 1).expand(2, 3),
    empty=torch.zeros(0, 3),
    scalar=torch.tensor(3.5),
    parameter=torch.nn.Parameter(torch.randn(3, 2)),
)
module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
contents = {
    "dtypes": dtypes,
    "views": views,
    "module": {"epoch": 3, "state_dict": torch.nn.DataParallel(module).state_dict()},
}
expected = {}
for name, content in contents.items():
    state = content.get("state_dict", content)
    expected[name] = {
        key: {"shape": list(value.shape), "values": [str(v) for v in value.detach().double().flatten().tolist()]}
        for key, value in state.items()
    }
    torch.save(content, OUT / f"{name}.zip.pt")
    torch.save(content, OUT / f"{name}.legacy.pt", _use_new_zipfile_serialization=False)
torch.save({"weight": torch.zeros(1), "command": Command()}, OUT / "hostile.zip.pt")
torch.save({"weight": torch.zeros(1), "command": Command()}, OUT / "hostile.legacy.pt", _use_new_zipfile_serialization=False)
(OUT / "expected.json").write_text(json.dumps(expected, indent=1))
