import {
  currentDevice,
  type Device,
  F,
  init,
  models,
  nn,
  noGrad,
  optim,
  serialize,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from 'gradiograph';

class Head extends nn.Module {
  readonly fc = new nn.Linear(4, 1);

  forward(x: Tensor): Tensor {
    return this.fc.forward(x.relu());
  }
}

const device: Device = await init({ device: 'wasm', threads: 1 });
const head = new Head();
const optimizer = new optim.SGD(head.parameters(), { lr: 0.5, momentum: 0.9 });
const y = tensor([[1], [0]]);
const loss: number = await tidy(() => {
  const loss = F.binaryCrossEntropyWithLogits(
    head(
      tensor([
        [1, 0, 0, 1],
        [0, 1, 1, 0],
      ]),
    ),
    y,
  );
  loss.backward();
  optimizer.step();
  return loss.item();
});

export { loss };

{
  using sum = noGrad(() => y.add(y).mul(2).sum());
  const values: Float32Array = await sum.data();
  const onnx: Uint8Array = serialize.writeOnnx(models.resnet18({ numClasses: 1 }), [1, 3, 64, 64]);
  values.set(onnx.subarray(0, 1));

  const short = new nn.Sequential(
    new nn.Conv2d(1, 4, 3),
    new nn.Conv2d(4, 4, 3, { padding: 1 }),
    new nn.MaxPool2d(2, 2),
    new nn.AvgPool2d(2, { stride: 1 }),
  );
  const x: Tensor = zeros(1, 1, 8, 8, { requiresGrad: true });
  const pooled: Tensor = F.maxPool2d(short(x), 1)
    .mul([[1, 2]])
    .reshape(1, -1)
    .to(currentDevice());
  F.crossEntropy(pooled, Uint8Array.of(3)).backward({ retainGraph: true });
  tensor([true, Int32Array.of(1), BigInt64Array.of(1n)].slice(0, 1), { requiresGrad: true });
}
await device.dispose();
