import { F, init, nn, optim, randn, tensor, tidy } from 'gradiograph';

/** Twenty steps of a small network, with methods, layers, the tape and an optimiser: its losses, and what ran it. */
export async function train() {
  const device = await init({ device: 'wasm', seed: 1 });
  const y = tensor(Array.from({ length: 32 }, (_, i) => [i % 2]));
  const x = randn([32, 1, 16, 16]).add(y.reshape([32, 1, 1, 1]));
  const model = new nn.Sequential(
    new nn.Conv2d(1, 8, { kernelSize: 3, padding: 1 }),
    new nn.ReLU(),
    new nn.MaxPool2d({ kernelSize: 2 }),
    new nn.Flatten(),
    new nn.Linear(8 * 8 * 8, 1),
  );
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 });
  const losses = [];
  for (let step = 0; step < 20; step++) {
    const loss = await tidy(() => {
      const loss = F.binaryCrossEntropyWithLogits(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.item();
    });
    losses.push(loss);
  }
  const { description } = device;
  await device.dispose();
  return { losses, description };
}
