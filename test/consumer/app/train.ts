import { F, init, models, nn, noGrad, optim, seed, type Tensor, tensor, tidy } from 'gradiograph';

const device = await init({ device: 'wasm', threads: 1, seed: 3 });

class Head extends nn.Module {
  readonly fc = new nn.Linear(4, 1);

  forward(x: Tensor): Tensor {
    return this.fc.forward(x.relu());
  }
}

seed(3);
const head = new Head();
const optimizer = new optim.SGD(head.parameters(), { lr: 0.5, momentum: 0.9 });
const x = tensor([
  [1, 0, 0, 1],
  [0, 1, 1, 0],
]);
const y = tensor([[1], [0]]);
const losses: number[] = [];
for (let step = 0; step < 5; step++) {
  const loss: number = await tidy(() => {
    const loss = F.binaryCrossEntropyWithLogits(head.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss.item();
  });
  losses.push(loss);
}

using sum: Tensor = noGrad(() => x.add(y).mul(2).sum());
const names: string[] = [...head.namedParameters().keys()];
const parameters = models.resnet18({ numClasses: 1 }).parameters().length;
console.log(JSON.stringify({ losses, names, parameters, sum: await sum.item(), device: device.description }));
await device.dispose();
