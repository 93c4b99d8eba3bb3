import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { FormatError, generator, optim, StateDictError } from '../../lib/index.ts';
import {
  type HostTensor,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from '../../lib/serialize/safetensors.ts';
import { tidy } from '../../lib/tensor/scope.ts';
import type { Training } from '../../lib/train/checkpoint.ts';
import { readCheckpoint, saveCheckpoint } from '../../lib/train/checkpoint-file.ts';
import { fit } from '../../lib/train/fit.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { adam, makeModel, train, validation } from './toy.ts';

const test = suite('damaged checkpoints');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const sound = join(folder, 'sound.safetensors');
const damaged = join(folder, 'damaged.safetensors');
const KEY = 'gradiograph_checkpoint';

function makeTraining(): Training {
  const model = makeModel();
  const optimizer = adam(model);
  return { model, optimizer, scheduler: new optim.ReduceLROnPlateau(optimizer) };
}

test.before(async () => {
  setDevice(new ReferenceDevice());
  const training = makeTraining();
  const { model, optimizer } = training;
  const state = await fit(model, train, { optimizer, epochs: 2, validation, progress: null });
  const results = { outputs: new Float32Array(8), targets: new Float32Array(8) };
  const unfinished = { batches: 1, samples: 8, lossSum: 5, ...results };
  await saveCheckpoint(
    sound,
    training,
    { ...state, unfinished: { ...unfinished, seconds: 1, dataSeconds: 0 } },
    null,
  );
});
test.after(() => rmSync(folder, { recursive: true }));

/** Writes the sound checkpoint with another header, or other tensors. */
function damage(change: (json: string, tensors: Map<string, HostTensor>) => string): void {
  const bytes = readFileSync(sound);
  tidy(() => {
    const tensors = new Map<string, HostTensor>(
      [...readSafetensors(bytes)].map(([name, value]) => [
        name,
        { shape: value.shape, data: value.dataSync() },
      ]),
    );
    const json = change(readSafetensorsMetadata(bytes)[KEY], tensors);
    writeFileSync(damaged, writeSafetensors(tensors, { metadata: { [KEY]: json } }));
  });
}

/** Puts a value at a path of the header, as `optimizer.groups.0.lr`; undefined takes away what is there. */
const put = (path: string, value?: unknown) => () =>
  damage((json) => {
    const header = JSON.parse(json);
    const names = path.split('.');
    const last = names.pop() ?? '';
    const parent = names.reduce((at, name) => at[name], header);
    parent[last] = value;
    return JSON.stringify(header);
  });
/** Puts a tensor of so many zeros into the file, or takes one away. */
const putTensor = (name: string, length?: number) => () =>
  damage((json, tensors) => {
    if (length === undefined) tensors.delete(name);
    else tensors.set(name, { shape: [length], data: new Float32Array(length) });
    return json;
  });
const text = (json: string) => () => damage(() => json);
const deep = `{"settings":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;

/** What is damaged, and what the error must say beside the file's name. */
const DAMAGES: Record<string, [damage: () => void, fault: string | RegExp]> = {
  'a header that is no JSON': [text('garbage'), 'no JSON'],
  'a header that is null': [text('null'), `${KEY} is null, want an object`],
  'a header that is a list': [text('[]'), `${KEY} is [], want an object`],
  'a header nested 200,000 deep': [text(deep), 'JSON that nests deeper than 128'],
  'a header with a key twice': [text('{"random":1,"random":2}'), "the key 'random' twice"],
  'no optimizer': [put('optimizer'), `${KEY}.optimizer is missing, want an object`],
  'no groups': [put('optimizer.groups'), `${KEY}.optimizer.groups is missing, want a list`],
  'a group that is null': [
    put('optimizer.groups.0', null),
    `${KEY}.optimizer.groups[0] is null, want an object`,
  ],
  'a learning rate that is text': [
    put('optimizer.groups.0.lr', 'fast'.repeat(1e6)),
    `${KEY}.optimizer.groups[0].lr is '${'fast'.repeat(25)}'... (4000000 characters), want a finite number`,
  ],
  'betas that are no numbers': [
    put('optimizer.groups.0.betas', [null, {}]),
    'group 0 has betas [null, an object], wants the like of [0.9, 0.999]',
  ],
  'betas out of range': [put('optimizer.groups.0.betas', [0.9, 7]), 'betas must be in [0, 1), got 0.9 and 7'],
  'step counts of half a step': [
    put('optimizer.steps.1', 0.5),
    `${KEY}.optimizer.steps[1] is 0.5, want a whole number from 0 on`,
  ],
  'no step counts': [put('optimizer.steps', []), '0 step counts, wants '],
  'no random generator': [
    put('random', {}),
    `${KEY}.random.seed is missing, want a whole number from 0 to 4294967295`,
  ],
  'a random generator at no place': [
    put('random.position', -1),
    `${KEY}.random.position is -1, want a whole number from 0 on`,
  ],
  'a history of an unknown number': [
    put('history.0.train.loss', { $number: 'NotANumber' }),
    `${KEY}.history[0].train.loss is an object, want a number`,
  ],
  'a history that lacks an epoch': [put('history.0.epoch', 2), `${KEY}.history[0].epoch is 2, want 1`],
  'a best epoch that was not': [put('best.epoch', 7), `${KEY}.best.epoch is 7, the history has 2 epochs`],
  'a schedule of another kind': [put('scheduler', { lastEpoch: 1 }), "its schedule's state is { lastEpoch }"],
  'a schedule at no step': [
    put('scheduler.lastEpoch', null),
    'scheduler.lastEpoch is null, want a whole number from 0 on',
  ],
  'an unfinished epoch without batches': [put('unfinished.batches'), `${KEY}.unfinished.batches is missing`],
  'a weight missing': [putTensor('model.0.weight'), /missing \(1\):\s+0\.weight/],
  'a best weight missing': [putTensor('best.0.weight'), /missing \(1\):\s+0\.weight/],
  'a moment missing': [putTensor('optimizer.0.exp_avg'), 'it lacks 0.exp_avg'],
  'a moment of a parameter that is none': [
    putTensor('optimizer.x.exp_avg', 1),
    "'x.exp_avg' is [1], wants none",
  ],
  'moments of a parameter that was never moved': [
    put('optimizer.steps.0', 0),
    "'0.exp_avg' is [4, 1, 3, 3], wants none",
  ],
  'fewer targets than samples': [putTensor('unfinished.targets', 7), '7 targets of 8 samples'],
  'no outputs': [putTensor('unfinished.outputs'), 'no outputs'],
  'half of its bytes': [
    () => writeFileSync(damaged, readFileSync(sound).subarray(0, 3000)),
    'the file ends at 3000',
  ],
};

for (const [name, [damage, fault]] of Object.entries(DAMAGES)) {
  test(`${name}: named with the file, and nothing is changed`, async () => {
    damage();
    const training = makeTraining();
    const { model, optimizer, scheduler } = training;
    const state = () =>
      JSON.stringify([
        [...model.stateDict().values()].map((value) => [...value.dataSync()]),
        optimizer.stateDict(),
        scheduler?.stateDict(),
        generator.state,
      ]);
    const before = state();
    const error = await (async () => (await readCheckpoint(damaged)).restore(training))().then(
      () => null,
      (error) => error,
    );
    assert.ok(error instanceof FormatError || error instanceof StateDictError, String(error?.stack));
    assert.match(error.message, damaged);
    assert.match(error.message, fault);
    assert.ok(error.message.length < 1000);
    assert.is(state(), before);
  });
}

test('a sound checkpoint is restored', async () => {
  const { history, best, unfinished } = await (await readCheckpoint(sound)).restore(makeTraining());
  assert.equal([history.length, best?.epoch, unfinished?.batches], [2, 2, 1]);
});

test.run();
