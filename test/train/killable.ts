/**
 * A small training that goes on from its checkpoint where there is one, and can be killed at any moment:
 *
 *     node --import tsx test/train/killable.ts FOLDER [SIGNAL before|after RENAMES]
 *
 * It saves after every step; with a signal it sends itself that at so many renames of a file, just before the rename or
 * just after. In the end it writes final.safetensors and history.json, without the speeds.
 */
import { existsSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { DataLoader } from '../../lib/data/loader.ts';
import { init, optim } from '../../lib/index.ts';
import { writeSafetensors } from '../../lib/serialize/safetensors.ts';
import { checkpointFile, readCheckpoint } from '../../lib/train/checkpoint-file.ts';
import { writeWhole } from '../../lib/train/files.ts';
import { fit } from '../../lib/train/fit.ts';
import { catchInterrupt } from '../../lib/train/interrupt.ts';
import { writeLog } from '../../lib/train/log.ts';
import { dataset, makeModel, options, validation } from './toy.ts';

const [folder, signal, moment, renames] = process.argv.slice(2);
const path = join(folder, 'last.safetensors');

let left = Number(renames);
const { rename } = fs;
fs.rename = async (from, to) => {
  left--;
  if (left === 0 && moment === 'before') process.kill(process.pid, signal);
  await rename(from, to);
  if (left === 0 && moment === 'after') process.kill(process.pid, signal);
};
syncBuiltinESMExports();

const device = await init({ device: 'wasm', threads: 1, seed: 1 });
const model = makeModel();
const optimizer = new optim.Adam(model.parameters(), { lr: 3e-3 });
const loader = new DataLoader(dataset, { ...options, batchSize: 2, shuffle: true, seed: 3 });
const scheduler = new optim.OneCycleLR(optimizer, {
  maxLr: 1e-2,
  epochs: 3,
  stepsPerEpoch: loader.length / 2,
});
const checkpoint = existsSync(path) ? await readCheckpoint(path) : null;
using interrupt = catchInterrupt(() => console.log('interrupted'));

console.log('training');
const result = await fit(model, loader, {
  optimizer,
  scheduler,
  schedulerStep: 'batch',
  epochs: 3,
  patience: 2,
  validation,
  accumulate: 2,
  maxGradNorm: 1,
  mixup: 0.3,
  progress: null,
  state: await checkpoint?.restore({ model, optimizer, scheduler }),
  checkpoint: { sink: checkpointFile(path), everySeconds: 0 },
  callbacks: [{ onEpochEnd: ({ history }) => writeLog(join(folder, 'log.csv'), history) }],
  signal: interrupt.signal,
});
if (result.ended !== 'aborted') {
  const history = result.history.map(({ imagesPerSecond, dataWait, ...rest }) => rest);
  await writeWhole(join(folder, 'history.json'), JSON.stringify(history));
  await writeWhole(join(folder, 'final.safetensors'), writeSafetensors(model.stateDict()));
}
await device.dispose();
