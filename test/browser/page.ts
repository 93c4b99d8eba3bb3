/** What runs inside the page: the op table, and a short training, on a device of the browser. */

import type { DeviceName } from '../../lib/devices/device.ts';
import { DeviceError, F, init, memory, nn, optim, randn, tensor, tidy, zeros } from '../../lib/index.ts';
import { CASES } from '../ops/cases.ts';
import { checkOp } from '../ops/check.ts';

export interface CaseResult {
  readonly name: string;
  /** The error's stack, or null where the case holds. */
  readonly error: string | null;
}

/** Why a device is not to be had here, or null if it is. Any other error is thrown. */
async function whatIsMissing(device: DeviceName): Promise<string | null> {
  try {
    await (await init({ device })).dispose();
    return null;
  } catch (error) {
    if (error instanceof DeviceError) return error.message;
    throw error;
  }
}

/** Runs every case of the op table. `description` is the device's own word on what executed. */
async function runTable(device: DeviceName): Promise<{ description: string; results: CaseResult[] }> {
  const opened = await init({ device });
  const results: CaseResult[] = [];
  for (const golden of CASES) {
    try {
      await checkOp(golden, opened);
      results.push({ name: golden.name, error: null });
    } catch (error) {
      results.push({
        name: golden.name,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }
  await opened.dispose();
  return { description: opened.description, results };
}

/** Trains a small network on eight fixed images: the losses of each step, and what memory() said after each. */
async function train(device: DeviceName, steps: number) {
  const opened = await init({ device, seed: 1 });
  const model = new nn.Sequential(
    new nn.Conv2d(1, 8, { kernelSize: 3, padding: 1 }),
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
    new nn.MaxPool2d({ kernelSize: 2 }),
    new nn.Flatten(),
    new nn.Linear(8 * 6 * 6, 1),
  );
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 });
  const x = randn([8, 1, 12, 12]);
  const y = zeros([8, 1]);
  const losses: number[] = [];
  const tensors: number[] = [];
  for (let step = 0; step < steps; step++) {
    losses.push(
      await tidy(() => {
        const loss = F.binaryCrossEntropyWithLogits(model.forward(x), y);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss.item();
      }),
    );
    tensors.push(memory().tensors);
  }
  await opened.dispose();
  return { description: opened.description, losses, tensors };
}

/** Writes a tensor to the console. */
async function logTensor(values: number[][]): Promise<void> {
  const opened = await init({ device: 'wasm', threads: 1 });
  console.log(tensor(values));
  await opened.dispose();
}

export interface PageApi {
  whatIsMissing: typeof whatIsMissing;
  runTable: typeof runTable;
  train: typeof train;
  logTensor: typeof logTensor;
}

Object.assign(globalThis, { page: { whatIsMissing, runTable, train, logTensor } satisfies PageApi });
