/** A training that goes on for more epochs than it was begun for: its learning rates are those of the longer training. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildScheduler } from '../../examples/mura/build.ts';
import { goOn } from '../../examples/mura/go-on.ts';
import { RECIPES, type Recipe, SCHEDULES } from '../../examples/mura/recipes.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { GradiographError, nn, optim, seed } from '../../lib/index.ts';
import { readCheckpoint, saveCheckpoint } from '../../lib/node.ts';
import type { EpochRecord } from '../../lib/train/fit.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

const test = suite('going on');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.before(() => setDevice(new ReferenceDevice()));
test.after(() => rmSync(folder, { recursive: true }));

const STEPS = 5;

/** A training whose weights do not matter: two groups, a schedule, and what it steps by. */
function begin(recipe: Recipe) {
  seed(1);
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
  const [first, second] = [...model].map((layer) => layer.parameters());
  const optimizer = new optim.Adam([{ params: first, lr: 0.01 }, { params: second }], { lr: 0.1 });
  const schedule = buildScheduler(optimizer, recipe, STEPS);
  const rates = () => optimizer.groups.map(({ lr, betas }) => [lr, ...(betas ?? [])]);
  /** Trains through an epoch of some validation loss; the rates after each step. */
  const epoch = (loss: number) =>
    Array.from({ length: STEPS }, (_, step) => {
      if (schedule && (schedule.schedulerStep === 'batch' || step === STEPS - 1))
        schedule.scheduler.step(loss);
      return rates();
    });
  return { model, optimizer, scheduler: schedule?.scheduler ?? null, epoch, rates };
}
const LOSSES = [0.7, 0.6, 0.61, 0.62, 0.63, 0.5, 0.55, 0.56];
const historyOf = (epochs: number) =>
  LOSSES.slice(0, epochs).map((loss, i): EpochRecord => {
    const metrics = { loss, accuracy: 0.5, auroc: 0.5, kappa: 0 };
    return { epoch: i + 1, train: metrics, validation: metrics, lr: 0.1, imagesPerSecond: 1, dataWait: 0 };
  });

const schedules = Object.values(SCHEDULES);
const recipes: Recipe[] = [
  ...schedules.map((schedule) => ({ ...RECIPES.scratch, schedule })),
  { ...RECIPES.scratch, schedule: { name: 'plateau', factor: 0.5, patience: 1 } },
  ...[SCHEDULES.constant, SCHEDULES.cosine, SCHEDULES.step].map((schedule) => ({
    ...RECIPES.scratch,
    schedule,
    warmup: 2,
  })),
];

/** Trains for `planned` epochs, saves, and goes on by a recipe of `epochs`. */
async function extended(recipe: Recipe, planned: number, epochs: number) {
  const before = begin({ ...recipe, epochs: planned });
  for (const loss of LOSSES.slice(0, planned)) before.epoch(loss);
  const path = join(folder, 'last.safetensors');
  await saveCheckpoint(path, before, { history: historyOf(planned), best: null, unfinished: null }, null);
  const after = begin({ ...recipe, epochs });
  await goOn(await readCheckpoint(path), after, { ...recipe, epochs });
  return after;
}

for (const recipe of recipes) {
  const { schedule, warmup } = recipe;
  test(`${schedule.name}${warmup > 0 ? ' after a warm-up' : ''}: 4 epochs, then 4 more, have the rates of 8`, async () => {
    const whole = begin({ ...recipe, epochs: 8 });
    const wanted = LOSSES.map((loss) => whole.epoch(loss));
    const after = await extended(recipe, 4, 8);
    assert.equal(after.rates(), wanted[3].at(-1));
    for (let i = 4; i < 8; i++) assert.equal(after.epoch(LOSSES[i]), wanted[i], `epoch ${i + 1}`);
  });
}

test('fewer epochs than are trained are refused', async () => {
  await extended(RECIPES.scratch, 4, 4);
  await extended(RECIPES.scratch, 4, 3).then(
    () => assert.unreachable(),
    (error) => {
      assert.instance(error, GradiographError);
      assert.is(error.message, '--epochs 3: 4 are trained already');
    },
  );
});

test.run();
