"""PyTorch, for as much as the machine has of it: requests come as lines of JSON, replies go as such."""

import json
import math
import resource
import sys
import time

import numpy as np
import torch
import torchvision

MARK = "@gradiograph "
torch.set_num_threads(int(sys.argv[1]))


def say(**reply):
    print(f"\n{MARK}{json.dumps(reply)}", flush=True)


def noise(shape, number=0):
    """The linear congruential generator of shapes.ts, all steps at once: state_k = a^k s + c (a^0 + ... + a^(k-1))."""
    length = math.prod(shape)
    powers = np.cumprod(np.full(length, 1664525, np.uint32), dtype=np.uint32)
    sums = np.cumsum(np.concatenate([np.ones(1, np.uint32), powers[:-1]]), dtype=np.uint32)
    states = powers * np.uint32(length + number) + sums * np.uint32(1013904223)
    return torch.from_numpy((states / 2.0**31 - 1).astype(np.float32)).reshape(shape)


def window(g):
    return [g["kernelHeight"]] * 2, [g["strideHeight"]] * 2, [g["paddingHeight"]] * 2


def convolution_backward(dy, x, w, g, which):
    _, stride, padding = window(g)
    wanted = [i == which for i in range(3)]
    args = (dy, x, w, None, stride, padding, [1, 1], False, [0, 0], 1, wanted)
    return lambda: torch.ops.aten.convolution_backward(*args)[which]


def conv2d_input_grad(g, dy, w):
    return convolution_backward(dy, torch.empty(g["batch"], g["inChannels"], g["inHeight"], g["inWidth"]), w, g, 0)


def conv2d_weight_grad(g, x, dy):
    w = torch.empty(g["outChannels"], g["inChannels"], g["kernelHeight"], g["kernelWidth"])
    return convolution_backward(dy, x, w, g, 1)


def batch_norm_grad(g, dy, x, weight, bias):
    y, mean, deviation = torch.native_batch_norm(x, weight, bias, None, None, True, 0.1, g["eps"])
    y = torch.relu(y)

    def backward():
        passed = torch.ops.aten.threshold_backward(dy, y, 0)
        args = (passed, x, weight, None, None, mean, deviation, True, g["eps"], [True] * 3)
        return torch.ops.aten.native_batch_norm_backward(*args)[0]

    return backward


def max_pool2d_grad(g, dy, x):
    _, indices = torch.nn.functional.max_pool2d(x, *window(g), return_indices=True)
    args = (dy, x, *window(g), [1, 1], False, indices)
    return lambda: torch.ops.aten.max_pool2d_with_indices_backward(*args)


KERNELS = {
    "matmul": lambda g, a, b: lambda: a @ b,
    "conv2d": lambda g, x, w: lambda: torch.conv2d(x, w, None, *window(g)[1:]),
    "conv2dInputGrad": conv2d_input_grad,
    "conv2dWeightGrad": conv2d_weight_grad,
    "batchNorm": lambda g, x, w, b: lambda: torch.relu(torch.batch_norm(x, w, b, None, None, True, 0.1, g["eps"], False)),
    "batchNormGrad": batch_norm_grad,
    "maxPool2d": lambda g, x: lambda: torch.max_pool2d(x, *window(g)),
    "maxPool2dGrad": max_pool2d_grad,
}


def open_kernel(task):
    computation = task["computation"]
    operands = [noise(shape, i) for i, shape in enumerate(task["operands"])]
    return KERNELS[computation["op"]](computation["g"], *operands)


def open_network(task):
    model = getattr(torchvision.models, task["network"])(weights=None)
    batch, size = task["batch"], task["size"]
    x = noise([batch, 3, size, size])
    if task["mode"] == "inference":
        model.eval()

        def infer():
            with torch.inference_mode():
                return model(x).mean()

        return infer
    classes = torch.arange(batch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def step():
        loss = torch.nn.functional.cross_entropy(model(x), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


OPEN = {"kernel": open_kernel, "network": open_network}


def serve():
    backend = "oneDNN" if torch.backends.mkldnn.is_available() else "no oneDNN"
    python = ".".join(map(str, sys.version_info[:3]))
    detail = f"native, {backend}, {torch.get_num_threads()} threads; Python {python}"
    say(hello={"version": torch.__version__, "detail": detail})
    run = result = None

    def milliseconds(times):
        nonlocal result
        start = time.perf_counter()
        for _ in range(times):
            result = run()
        return 1000 * (time.perf_counter() - start) / times

    def resident_bytes():
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for line in sys.stdin:
        request = json.loads(line)
        if "open" in request:
            task = request["open"]
            run = OPEN[task["kind"]](task)
            first = milliseconds(1)
            rms = None if task["kind"] == "network" else result.double().square().mean().sqrt().item()
            say(first=first, rms=rms, residentBytes=resident_bytes())
        elif "run" in request:
            say(ms=milliseconds(request["run"]), residentBytes=resident_bytes())
        else:
            run = result = None
            say(closed=True)


serve()
