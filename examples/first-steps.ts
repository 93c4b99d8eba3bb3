import { F, init, nn, optim, randn, tensor, tidy } from 'gradiograph';

const device = await init({ seed: 1 });
const y = tensor(Array.from({ length: 32 }, (_, i) => [i % 2])); // [32, 1]: every second image
const x = randn([32, 1, 16, 16]).add(y.reshape([32, 1, 1, 1])); // [32, 1, 16, 16]: is brighter
const model = new nn.Sequential(
  new nn.Conv2d(1, 8, { kernelSize: 3, padding: 1 }),
  new nn.ReLU(),
  new nn.MaxPool2d({ kernelSize: 2 }),
  new nn.Flatten(),
  new nn.Linear(8 * 8 * 8, 1),
);
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 });
for (let step = 1; step <= 20; step++) {
  const loss = await tidy(() => {
    const loss = F.binaryCrossEntropyWithLogits(model(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss.item();
  });
  if (step % 5 === 0) console.log(`${device.name}, step ${step}: loss ${loss.toFixed(4)}`);
}
await device.dispose();
