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


def noise(*shape):
    """The linear congruential generator of shapes.ts, all steps at once: state_k = a^k s + c (a^0 + ... + a^(k-1))."""
    length = math.prod(shape)
    powers = np.cumprod(np.full(length, 1664525, np.uint32), dtype=np.uint32)
    sums = np.cumsum(np.concatenate([np.ones(1, np.uint32), powers[:-1]]), dtype=np.uint32)
    states = powers * np.uint32(length) + sums * np.uint32(1013904223)
    return torch.from_numpy((states / 2.0**31 - 1).astype(np.float32)).reshape(shape)


def open_gemm(task):
    a, b = noise(task["size"], task["size"]), noise(task["size"], task["size"])
    return lambda: a @ b


def open_conv2d(task):
    shape, batch = task["shape"], task["batch"]
    size, kernel, stride = shape["size"], shape["kernel"], shape["stride"]
    padding = (kernel - 1) // 2
    out = (size + 2 * padding - kernel) // stride + 1
    x = noise(batch, shape["in"], size, size)
    w = noise(shape["out"], shape["in"], kernel, kernel)
    dy = noise(batch, shape["out"], out, out)
    if task["pass"] == "forward":
        return lambda: torch.conv2d(x, w, None, stride, padding)
    wanted = [task["pass"] == "input grad", task["pass"] == "weight grad", False]
    args = (dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, wanted)
    return lambda: next(g for g in torch.ops.aten.convolution_backward(*args) if g is not None)


def open_network(task):
    model = getattr(torchvision.models, task["network"])(weights=None)
    batch, size = task["batch"], task["size"]
    x = noise(batch, 3, size, size)
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


OPEN = {"gemm": open_gemm, "conv2d": open_conv2d, "network": open_network}


def milliseconds(run, times):
    start = time.perf_counter()
    for _ in range(times):
        run()
    return 1000 * (time.perf_counter() - start) / times


def serve():
    backend = "oneDNN" if torch.backends.mkldnn.is_available() else "no oneDNN"
    say(hello={"version": torch.__version__, "detail": f"native, {backend}, {torch.get_num_threads()} threads"})
    run = None
    for line in sys.stdin:
        request = json.loads(line)
        if "open" in request:
            task = request["open"]
            run = OPEN[task["kind"]](task)
            first = milliseconds(run, 1)
            second = milliseconds(run, 1)
            rms = None if task["kind"] == "network" else run().double().square().mean().sqrt().item()
            say(first=first, second=second, rms=rms)
        elif "run" in request:
            ms = milliseconds(run, request["run"])
            say(ms=ms, residentBytes=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        else:
            run = None
            say(closed=True)


serve()
