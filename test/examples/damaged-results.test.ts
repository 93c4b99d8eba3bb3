import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildModel } from '../../examples/mura/build.ts';
import { readPredictions, writePredictions } from '../../examples/mura/predictions.ts';
import { readResult } from '../../examples/mura/read-result.ts';
import { readSettings } from '../../examples/mura/read-settings.ts';
import { RECIPE_NAMES, RECIPES, SCHEDULES } from '../../examples/mura/recipes.ts';
import { type Cell, readCell } from '../../examples/mura/study-cells.ts';
import { openNetwork, saveNetwork } from '../../examples/mura/weights.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { FormatError, StateDictError } from '../../lib/index.ts';
import { loadMetadata, loadWeights, type ScoredImage, saveCheckpoint, saveWeights } from '../../lib/node.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { runExample } from './run.ts';

const test = suite('damaged results');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const at = (...names: string[]) => join(folder, ...names);
test.before.each(() => setDevice(new ReferenceDevice()));
test.after(() => rmSync(folder, { recursive: true }));

const recipe = { ...RECIPES.cnn2, size: 32 };
const settings = { data: null, regions: [], pretrained: null, seed: 0, recipe };

/** A deep copy with another value at a path, as `recipe.size`; undefined takes away what is there. */
function put<T>(value: T, path: string, changed?: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(value));
  const names = path.split('.');
  const last = names.pop() ?? '';
  names.reduce((parent, name) => parent[name], copy)[last] = changed;
  return copy;
}

async function faultOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.unreachable('was taken'),
    (error) => error,
  );
  assert.ok(error instanceof FormatError || error instanceof StateDictError, String(error?.stack));
  assert.ok(error.message.length < 1000, 'a line or two');
  return error.message;
}

test('every recipe comes back from JSON as it is', () => {
  for (const name of RECIPE_NAMES) {
    for (const schedule of Object.values(SCHEDULES)) {
      const one = { ...settings, recipe: { ...RECIPES[name], schedule } };
      assert.equal(readSettings(JSON.parse(JSON.stringify(one)), ''), one, name);
    }
  }
});

/** What is put where in settings, and the complaint. */
const SETTINGS: [path: string, value: unknown, fault: string][] = [
  ['seed', 'one', "settings.seed is 'one', want a whole number from"],
  ['regions.0', 'foot', "settings.regions[0] is 'foot', want one of elbow, finger"],
  ['recipe', null, 'settings.recipe is null, want an object'],
  ['recipe.size', 1e9, 'settings.recipe.size is 1000000000, want a whole number from 1 to 8192'],
  ['recipe.model', 'vgg', "settings.recipe.model is 'vgg', want one of cnn2, cnn4"],
  ['recipe.tta', undefined, 'settings.recipe.tta is missing, want true or false'],
  ['recipe.lr', -1, 'settings.recipe.lr is -1, want a finite number above 0'],
  [
    'recipe.schedule.name',
    'constantly',
    "settings.recipe.schedule.name is 'constantly', want one of constant",
  ],
  ['recipe.schedule', { name: 'step' }, 'settings.recipe.schedule.stepSize is missing'],
  ['recipe.head', ['tanh'], "settings.recipe.head[0] is 'tanh', want a width, 'relu' or an object"],
  ['recipe.head', [1e9], 'settings.recipe.head[0] is 1000000000, want a whole number from 1 to 4096'],
  ['recipe.head', new Array(1e6).fill(1), 'want a list of at most 16 layers'],
  ['recipe.fineTuning.gradual', 1, 'settings.recipe.fineTuning.gradual is 1, want true or false'],
];

for (const [path, value, fault] of SETTINGS) {
  test(`settings with ${path} ${JSON.stringify(value)?.slice(0, 30)} are refused by the field's name`, async () => {
    const broken = put({ ...settings, regions: ['wrist'] }, path, value);
    assert.match(await faultOf((async () => readSettings(broken, 'settings'))()), fault);
  });
}

test('mura-train --resume names file and field, without a stack trace', async () => {
  const model = buildModel(recipe);
  const path = at('run', 'last.safetensors');
  const { optim } = await import('../../lib/index.ts');
  const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
  const state = { history: [], best: null, unfinished: null };
  await saveCheckpoint(path, { model, optimizer, scheduler: null }, state, put(settings, 'recipe.size', 1e9));
  const { code, output } = await runExample('mura-train', ['--resume', path, '--device', 'wasm']);
  assert.is(code, 1, output);
  assert.match(
    output,
    `FormatError: --resume: ${path}: settings.recipe.size is 1000000000, want a whole number from 1 to 8192;`,
  );
  assert.not.match(output, /\n {4}at /, 'no stack trace');
});

test("weights whose network's description is damaged name file and field", async () => {
  const card = { recipe, regions: ['wrist'] as const, threshold: 0.5 };
  await saveNetwork(at('sound.safetensors'), buildModel(recipe), card);
  await openNetwork(at('sound.safetensors'));
  const weights = await loadWeights(at('sound.safetensors'));
  const KEY = 'gradiograph_mura';
  const head = [4096, 4096];
  const cases: [text: string, fault: string][] = [
    ['garbage', 'damaged.safetensors: no JSON'],
    ['null', `${KEY} is null, want an object`],
    [JSON.stringify(put(card, 'threshold', 7)), `${KEY}.threshold is 7, want a number from 0 to 1`],
    [JSON.stringify(put(card, 'recipe.channels', 2)), `${KEY}.recipe.channels is 2, want one of 1, 3`],
    [JSON.stringify(put(card, 'recipe.size', 8000)), 'the file holds'],
    [
      JSON.stringify({ ...card, recipe: { ...recipe, model: 'resnet18', head } }),
      'dense layers alone have 16781312 values, the file holds',
    ],
    [JSON.stringify({ ...card, recipe: { ...recipe, size: 40 } }), 'classifier.fc1.weight is'],
  ];
  for (const [text, fault] of cases) {
    await saveWeights(at('damaged.safetensors'), weights, { [KEY]: text });
    const message = await faultOf(openNetwork(at('damaged.safetensors')));
    assert.match(message, at('damaged.safetensors'));
    assert.match(message, fault);
  }
  assert.ok((await loadMetadata(at('sound.safetensors')))[KEY]);
});

const scored: ScoredImage[] = [0, 1].map((label) => ({
  path: `/data/valid/XR_WRIST/patient00007/study${label}_positive/image1.png`,
  split: 'valid',
  region: 'wrist',
  patient: 7,
  study: `valid/XR_WRIST/patient00007/study${label}_positive`,
  label: label as 0 | 1,
  score: label === 0 ? 1e-7 : 0.75,
}));

test('predictions: a row with another label, region, probability or path is named', async () => {
  const path = at('predictions.csv');
  await writePredictions(path, scored);
  const sound = readFileSync(path, 'utf8');
  const back = await readPredictions(path);
  assert.equal(
    back.map(({ label, score, patient, region }) => ({ label, score, patient, region })),
    scored.map(({ label, score, patient, region }) => ({ label, score, patient, region })),
  );
  const cases: [change: (text: string) => string, fault: string][] = [
    [(text) => text.replace(',1,0.75', ',2,0.75'), "line 3.label is '2', want one of 0, 1"],
    [(text) => text.replace('0.75', 'high'), "line 3.probability is 'high', want a probability from 0 to 1"],
    [(text) => text.replace('0.75', ''), "line 3.probability is '', want a probability"],
    [(text) => text.replace('0.75', '-0.5'), "line 3.probability is '-0.5', want a probability"],
    [(text) => text.replace(',wrist,1', ',foot,1'), "line 3.region is 'foot', want one of elbow"],
    [(text) => text.replace(/patient00007/, 'nobody'), "line 2.image is 'valid/XR_WRIST/nobody/"],
    [(text) => text.replace('probability', 'certainty'), 'line 2.probability is missing'],
    [(text) => text.split('\n').slice(0, 1).join('\n'), 'holds no predictions'],
    [(text) => text.replace('valid/', '"valid/'), 'line 2: a quote is not closed'],
    [() => '', 'holds no predictions'],
  ];
  for (const [change, fault] of cases) {
    writeFileSync(path, change(sound));
    const message = await faultOf(readPredictions(path));
    assert.match(message, `${path}: `);
    assert.match(message, fault);
  }
});

const measure = {
  unit: 'image',
  region: 'all',
  n: 2,
  accuracy: 1,
  accuracyInterval: [0.5, 1],
  majority: 0.5,
  kappa: 1,
  kappaInterval: [null, 1],
  auroc: 1,
  sensitivity: 1,
  specificity: null,
  collapsed: false,
};
const result = {
  settings,
  device: 'a device',
  threshold: 0.5,
  networks: [{ seed: 0, epochs: 1, best: null }],
  seconds: 1,
  measures: [measure],
};

test("a study's cell whose results are damaged is named with file and field", async () => {
  const cell: Cell = { recipe: 'cnn2', scope: 'unified', settings, folder: at('cell') };
  mkdirSync(cell.folder);
  assert.is(await readCell(cell), null);
  await writePredictions(at('cell', 'predictions.csv'), scored);
  const path = at('cell', 'result.json');
  writeFileSync(path, JSON.stringify(result));
  assert.equal((await readCell(cell))?.result, result);
  assert.equal(readResult(result, ''), result);
  const cases: [text: string, fault: string][] = [
    ['', 'no JSON'],
    ['{"settings":', 'no JSON'],
    ['null', 'result is null, want an object'],
    [JSON.stringify(put(result, 'settings')), 'result.settings is missing, want an object'],
    [JSON.stringify(put(result, 'measures')), 'result.measures is missing, want a list'],
    [JSON.stringify(put(result, 'measures.0', 3)), 'result.measures[0] is 3, want an object'],
    [
      JSON.stringify(put(result, 'measures.0.kappaInterval', [1])),
      'result.measures[0].kappaInterval is [1], want two ends',
    ],
    [JSON.stringify(put(result, 'measures.0.accuracy', 'good')), "accuracy is 'good', want a number from 0"],
    [JSON.stringify(put(result, 'measures.0.n', 3)), 'predictions.csv: holds 2 images,'],
  ];
  for (const [text, fault] of cases) {
    writeFileSync(path, text);
    const message = await faultOf(readCell(cell));
    assert.match(message, path);
    assert.match(message, fault);
  }
  assert.ok(existsSync(path));
});

test.run();
