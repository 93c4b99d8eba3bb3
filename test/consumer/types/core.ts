import {
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
    head.forward(
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
}
await device.dispose();
