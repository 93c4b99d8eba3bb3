import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildModel } from '../../examples/mura/build.ts';
import { readPredictions } from '../../examples/mura/predictions.ts';
import { RECIPES, type Recipe } from '../../examples/mura/recipes.ts';
import { saveNetwork } from '../../examples/mura/weights.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { full, seed } from '../../lib/index.ts';
import { drawMura } from '../../lib/mura/synthetic.ts';
import { decodeImage, loadMetadata, loadWeights, saveWeights } from '../../lib/node.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { runExample } from './run.ts';

const test = suite('mura-predict');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const at = (...names: string[]) => join(folder, ...names);
const predict = (...args: string[]) =>
  runExample('mura-predict', [...args, '--device', 'wasm', '--threads', '2', '--out', at('maps')]);
const train = (...args: string[]) =>
  runExample('mura-train', [
    ...[
      '--data',
      at('data'),
      '--recipe',
      'cnn2',
      '--size',
      '32',
      '--epochs',
      '1',
      '--device',
      'wasm',
      '--threads',
      '2',
    ],
    ...args,
  ]);

test.before(async () => {
  setDevice(new ReferenceDevice());
  await drawMura(at('data'), { patients: { train: 3, valid: 2 } });
});
test.after(() => rmSync(folder, { recursive: true }));

interface Predictions {
  weights: string[];
  threshold: number;
  images: { path: string; study: string; probability: number; abnormal: boolean; overlay: string | null }[];
  studies: { study: string; images: number; probability: number; abnormal: boolean }[];
  failed: { path: string; reason: string }[];
}

test('gives what mura-train gave: the probabilities of each image, the mean of each study, its threshold', async () => {
  const trained = await train('--out', at('run'), '--tta');
  assert.is(trained.code, 0, trained.output);
  const valid = at('data', 'MURA-v1.1', 'valid');
  const { code, stdout, output } = await predict(valid, '--weights', at('run', 'best.safetensors'), '--json');
  assert.is(code, 0, output);
  const answers = JSON.parse(stdout) as Predictions;
  const keys = ['weights', 'threshold', 'images', 'studies', 'failed', 'repeated', 'ignored'];
  assert.equal(Object.keys(answers), keys);
  assert.is(answers.threshold, JSON.parse(readFileSync(at('run', 'result.json'), 'utf8')).threshold);
  const expected = await readPredictions(at('run', 'predictions.csv'));
  assert.is(answers.images.length, expected.length);
  for (const { path, score, study } of expected) {
    const image = answers.images.find((answer) => answer.path.endsWith(path));
    assert.ok(Math.abs((image?.probability ?? 9) - score) < 1e-5, `${path}: ${image?.probability}, ${score}`);
    assert.is(image?.abnormal, (image?.probability ?? 0) > answers.threshold);
    const views = expected.filter((other) => other.study === study);
    const whole = answers.studies.find((answer) => answer.study.endsWith(study));
    assert.is(whole?.images, views.length);
    const mean = views.reduce((sum, view) => sum + view.score, 0) / views.length;
    assert.ok(Math.abs((whole?.probability ?? 9) - mean) < 1e-5);
  }
  const { path, overlay } = answers.images[0];
  assert.match(overlay ?? '', /maps\/XR_ELBOW\/patient\d+\/study1_\w+\/image1-overlay\.png$/);
  const [map, image] = [overlay ?? '', path].map((file) => decodeImage(readFileSync(file)));
  assert.equal([map.width, map.height], [image.width, image.height]);
  assert.not.equal(map.width, map.height);
});

/** Weights of an untrained network, of a recipe and a seed. */
async function drawWeights(name: string, recipe: Recipe, start: number, threshold: number): Promise<string> {
  seed(start);
  const model = buildModel(recipe);
  await saveNetwork(at(name), model, { recipe, regions: ['wrist'], threshold });
  return at(name);
}

test('several weights are an ensemble: probabilities and thresholds are averaged, whatever each network wants', async () => {
  const first = await drawWeights('a.safetensors', { ...RECIPES.resnet18, size: 40, channels: 1 }, 1, 0.2);
  const second = await drawWeights('b.safetensors', { ...RECIPES.cnn2, size: 32, fit: 'pad' }, 2, 0.4);
  const image = at('data', readFileSync(at('data/MURA-v1.1/valid_image_paths.csv'), 'utf8').split('\n')[0]);
  const ask = async (...weights: string[]) => {
    const { code, stdout, output } = await predict(
      image,
      ...weights.flatMap((path) => ['--weights', path]),
      '--json',
      '--no-overlays',
    );
    assert.is(code, 0, output);
    return JSON.parse(stdout) as Predictions;
  };
  const [a, b, both] = [await ask(first), await ask(second), await ask(first, second)];
  const probability = (answers: Predictions) => answers.images[0].probability;
  assert.ok(Math.abs(probability(both) - (probability(a) + probability(b)) / 2) < 1e-6);
  assert.ok(Math.abs(both.threshold - 0.3) < 1e-9);
  assert.is(both.images[0].overlay, null);
  const text = await predict(image, '--weights', first, '--threshold', '1');
  assert.match(
    text.stdout,
    /^image +probability {2}answer +overlay\n-+\n.*image1\.png +0\.\d{3} +normal +.*image1-overlay\.png\n\nstudy +images/,
  );
  assert.match(
    text.stdout,
    /abnormal: a probability above 1\.000, by resnet18 at 40x40, which has learnt wrist\n1 image: 1 predicted\n$/,
  );
});

test('a file that is no image is named, the others go on, and the exit code is 1', async () => {
  const weights = await drawWeights('c.safetensors', { ...RECIPES.cnn2, size: 32 }, 1, 0.5);
  mkdirSync(at('mixed'));
  const image = at('data', readFileSync(at('data/MURA-v1.1/valid_image_paths.csv'), 'utf8').split('\n')[0]);
  copyFileSync(image, at('mixed/whole.png'));
  writeFileSync(at('mixed/cut.png'), readFileSync(image).subarray(0, 100));
  writeFileSync(at('mixed/._whole.png'), 'no image, and not to be looked at');
  const { code, stdout, output } = await predict(at('mixed'), '--weights', weights, '--json');
  assert.is(code, 1, output);
  const { images, failed } = JSON.parse(stdout) as Predictions;
  assert.equal(
    images.map(({ path }) => path),
    [at('mixed/whole.png')],
  );
  assert.equal(
    failed.map(({ path }) => path),
    [at('mixed/cut.png')],
  );
  assert.match(failed[0].reason, /^truncated PNG/);
  assert.match(output, /left out: .*cut\.png: truncated PNG/);
  assert.ok(existsSync(at('maps/whole-overlay.png')));
});

test('what cannot be predicted is explained, on stderr', async () => {
  const weights = await drawWeights('d.safetensors', { ...RECIPES.cnn2, size: 32 }, 1, 0.5);
  mkdirSync(at('empty'));
  await saveWeights(at('plain.safetensors'), buildModel({ ...RECIPES.cnn2, size: 32 }).stateDict());
  await saveWeights(at('odd.safetensors'), new Map(), { gradiograph_mura: '{"recipe":{"model":"vgg"}}' });
  await saveWeights(at('other.safetensors'), new Map(), await loadMetadata(weights));
  const poisoned = await loadWeights(weights);
  for (const [name, { shape }] of poisoned) {
    if (name.endsWith('running_var')) poisoned.set(name, full(shape, Number.NaN));
  }
  await saveWeights(at('nan.safetensors'), poisoned, await loadMetadata(weights));
  writeFileSync(at('text.safetensors'), 'these are no weights');
  const complaints: [string[], RegExp][] = [
    [['--weights', weights], /missing required argument 'path'/],
    [[at('empty')], /required option '--weights <file>' not specified/],
    [[at('empty'), '--weights', weights], /FormatError: .*empty: no PNG or JPEG files in this folder/],
    [[at('none.png'), '--weights', weights], /FormatError: .*none\.png: no such file or folder/],
    [[at('data'), '--weights', at('none')], /no such file/],
    [[at('data'), '--weights', at('text.safetensors')], /FormatError: .*text\.safetensors: /],
    [
      [at('data'), '--weights', at('plain.safetensors')],
      /plain\.safetensors: does not say what network it is for/,
    ],
    [
      [at('data'), '--weights', at('odd.safetensors')],
      /odd\.safetensors: gradiograph_mura\.recipe\.model is 'vgg', want one of cnn2/,
    ],
    [[at('data'), '--weights', at('other.safetensors')], /StateDictError: .*other\.safetensors: /],
    [[at('data'), '--weights', at('nan.safetensors')], /image1\.png: the network's answer is NaN/],
    [[at('data'), '--weights', weights, '--threshold', '2'], /Wants a probability from 0 to 1/],
  ];
  for (const [args, complaint] of complaints) {
    const { code, stdout, output } = await predict(...args, '--json');
    assert.is(code, 1, `${args.join(' ')}: ${output}`);
    assert.match(output, complaint);
    assert.is(stdout, '');
    assert.not.match(output, /\n {4}at /, 'no stack trace');
  }
  const help = await predict('--help');
  assert.is(help.code, 0);
  for (const flag of ['--weights', '--json', '--out', '--threshold', '--device'])
    assert.match(help.stdout, flag);
});

test.run();
