import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { measure } from '../../examples/mura/measures.ts';
import { readPredictions } from '../../examples/mura/predictions.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { full } from '../../lib/index.ts';
import { loadMetadata, metrics } from '../../lib/node.ts';
import { readSafetensors, writeSafetensors } from '../../lib/serialize/safetensors.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import type { Ended } from './run.ts';
import { Trainings } from './trainings.ts';

const test = suite('mura-train');
const trainings = new Trainings();
const { folder, data, run, small: SMALL } = trainings;
const [out, curve, best] = [trainings.out, trainings.curve, trainings.best];
test.before(async () => {
  setDevice(new ReferenceDevice());
  await trainings.draw();
});
test.after(() => rmSync(folder, { recursive: true }));

test('trains, and ends with accuracy and kappa per image and per study', async () => {
  const { code, output } = await run([...SMALL, '--epochs', '3', '--out', out('whole')]);
  assert.is(code, 0, output);
  assert.match(output, /device: wasm: .*2 threads/);
  const [perImage, perStudy] = output.trim().split('\n').slice(-2);
  const line = (unit: string) =>
    new RegExp(
      `^test, per ${unit}: n \\d+, accuracy [\\d.]+ \\(majority class [\\d.]+\\), kappa -?[\\d.]+ \\(95 % (?:score )?interval over patients -?[\\d.]+ to -?[\\d.]+\\)$`,
    );
  assert.match(perImage, line('image'));
  assert.match(perStudy, line('study'));
  assert.equal(readdirSync(out('whole')).sort(), [
    'best.safetensors',
    'last.safetensors',
    'log.csv',
    'predictions.csv',
    'report.html',
    'result.json',
    'validation.csv',
  ]);
  assert.is(curve('whole').length, 4);
  assert.match(output, /data wait \d+ %/);
  const report = readFileSync(join(out('whole'), 'report.html'), 'utf8');
  assert.match(report, '<h1>cnn2 on data, all regions</h1>');
  assert.match(report, 'data:image/png;base64,');
});

test('the threshold is that of validation, and is kept with the weights; the figures follow from the predictions', async () => {
  const { threshold, measures, settings } = JSON.parse(
    readFileSync(join(out('whole'), 'result.json'), 'utf8'),
  );
  const card = JSON.parse((await loadMetadata(join(out('whole'), 'best.safetensors'))).gradiograph_mura);
  assert.equal(card, { recipe: settings.recipe, regions: [], threshold });
  const validation = await readPredictions(join(out('whole'), 'validation.csv'));
  const [labels, scores] = [validation.map(({ label }) => label), validation.map(({ score }) => score)];
  assert.is(validation.length, 8);
  assert.is(threshold, metrics.bestThreshold(labels, scores));
  const predictions = await readPredictions(join(out('whole'), 'predictions.csv'));
  assert.is(predictions.length, 29);
  assert.equal(measures, JSON.parse(JSON.stringify(measure(predictions, threshold))));
});

test('an ensemble trains a network from each seed, averages them, and goes on after Ctrl-C with all of them', async () => {
  const args = [...SMALL, '--epochs', '1', '--ensemble', '2'];
  const whole = await run([...args, '--out', out('ensemble')]);
  assert.is(whole.code, 0, whole.output);
  const weights = (name: string, network: number) =>
    readFileSync(join(out(name), `network-${network}`, 'best.safetensors'));
  assert.not.equal(weights('ensemble', 1), weights('ensemble', 2));
  const alone = await run([...SMALL, '--epochs', '1', '--seed', '0', '--out', out('alone')]);
  assert.is(alone.code, 0, alone.output);
  assert.equal(curve('ensemble/network-1'), curve('alone'));

  const stopped = await run([...args, '--out', out('halves')], /^epoch 1\/1 {2}train/m);
  assert.is(stopped.code, 130, stopped.output);
  const checkpoint = /go on with --resume (.*)\n/.exec(stopped.output)?.[1] ?? '';
  const resumed = await run(['--resume', checkpoint, '--device', 'wasm', '--threads', '2']);
  assert.is(resumed.code, 0, resumed.output);
  for (const network of [1, 2])
    assert.ok(weights('halves', network).equals(weights('ensemble', network)), `network ${network}`);
});

test('what the best recipe adds works together: padding, accumulation, warm-up, clipping, mixup, test-time augmentation', async () => {
  const { code, output } = await run([
    ...[
      '--recipe',
      'best',
      '--model',
      'resnet18',
      '--data',
      data,
      '--size',
      '32',
      '--epochs',
      '2',
      '--batch',
      '4',
    ],
    ...[
      '--channels',
      '1',
      '--region',
      'finger,forearm',
      '--device',
      'wasm',
      '--threads',
      '2',
      '--out',
      out('best'),
    ],
  ]);
  assert.is(code, 0, output);
  assert.match(
    output,
    /^note: the source of this recipe starts from ImageNet weights; --pretrained imagenet fetches them$/m,
  );
  assert.match(output, /kappa .*\)\n$/);
});

test('Ctrl-C ends cleanly, and --resume ends in the same folder with the curve of an uninterrupted run', async () => {
  const stopped = await run([...SMALL, '--epochs', '3', '--out', out('stopped')], /^epoch 1\/3 {2}train:/m);
  assert.is(stopped.code, 130, stopped.output);
  assert.match(stopped.output, /stopping after this step/);
  assert.match(stopped.output, /go on with --resume .*last\.safetensors\n$/);
  assert.ok(curve('stopped').length < 4);
  const last = join(out('stopped'), 'last.safetensors');
  const flags = ['--device', 'wasm', '--threads', '2'];
  const resumed = await run(['--resume', last, ...flags]);
  assert.is(resumed.code, 0, resumed.output);
  assert.equal(curve('stopped'), curve('whole'));
  assert.ok(best('stopped').equals(best('whole')));
});

test('a folder that holds another run is refused, and that run is left alone', async () => {
  const files = () =>
    readdirSync(out('whole')).map((name) => [name, readFileSync(join(out('whole'), name), 'latin1')]);
  const before = files();
  const finished = await run([...SMALL, '--epochs', '1', '--out', out('whole')]);
  assert.is(finished.code, 1, finished.output);
  assert.match(
    finished.output,
    /GradiographError: .*whole: holds a finished run; .*--out, or give --overwrite/,
  );
  assert.ok(isDeepStrictEqual(files(), before));

  const part = await run([...SMALL, '--epochs', '3', '--out', out('part')], /^epoch 1\/3 {2}train:/m);
  assert.is(part.code, 130, part.output);
  const last = join(out('part'), 'last.safetensors');
  const checkpoint = readFileSync(last, 'latin1');
  const unfinished = await run([...SMALL, '--epochs', '1', '--out', out('part')]);
  assert.is(unfinished.code, 1, unfinished.output);
  assert.match(unfinished.output, `holds a run that has not ended; go on with it by --resume ${last}`);
  assert.ok(readFileSync(last, 'latin1') === checkpoint);
  const elsewhere = await run(['--resume', last, '--device', 'wasm', '--out', out('whole')]);
  assert.is(elsewhere.code, 1, elsewhere.output);
  assert.match(elsewhere.output, /whole: holds a finished run/);
  assert.ok(isDeepStrictEqual(files(), before));

  const replaced = await run([...SMALL, '--epochs', '1', '--out', out('part'), '--overwrite']);
  assert.is(replaced.code, 0, replaced.output);
  assert.is(curve('part').length, 2);
});

test('two trainings in one folder: the second is refused; killed, the first is in the way of nobody', async () => {
  const args = [...SMALL, '--epochs', '1000', '--out', out('two')];
  let second: Ended | undefined;
  const first = await run(args, /^epoch 1\/1000 {2}train:/m, async (kill) => {
    second = await run([...args, '--overwrite']);
    kill('SIGKILL');
  });
  assert.is(first.code, null, first.output);
  assert.is(second?.code, 1, second?.output);
  assert.match(
    second?.output ?? '',
    /GradiographError: .*two: another run is going on in this folder, process \d+;/,
  );
  assert.equal(readdirSync(out('two')).filter((name) => name.startsWith('.lock')).length, 1);
  const last = join(out('two'), 'last.safetensors');
  const resumed = await run(['--resume', last, '--device', 'wasm'], /^epoch \d+\/1000 {2}train:/m);
  assert.is(resumed.code, 130, resumed.output);
  assert.equal(
    readdirSync(out('two')).filter((name) => name.startsWith('.lock')),
    [],
  );
});

test('starts from weights, and says which part starts anew', async () => {
  const weights = join(out('whole'), 'best.safetensors');
  const same = await run([...SMALL, '--epochs', '1', '--pretrained', weights, '--out', out('tuned')]);
  assert.is(same.code, 0, same.output);
  assert.match(same.output, /weights of .*best\.safetensors\n/);
  const larger = await run([
    ...SMALL,
    '--epochs',
    '1',
    '--size',
    '40',
    '--pretrained',
    weights,
    '--out',
    out('tuned'),
    '--overwrite',
  ]);
  assert.is(larger.code, 0, larger.output);
  assert.match(larger.output, /best\.safetensors; starting anew: classifier\.fc1\.weight\n/);
  const foreign = await run([...SMALL, '--model', 'cnn4', '--pretrained', weights, '--out', out('foreign')]);
  assert.is(foreign.code, 1);
  assert.match(foreign.output, /GradiographError: --pretrained: the weights are of another network/);
});

test('says that no epoch was the best where no validation loss is a number', async () => {
  const weights = readSafetensors(readFileSync(join(out('whole'), 'best.safetensors')));
  for (const [name, value] of weights) {
    if (name.endsWith('running_var')) weights.set(name, full(value.shape, Number.NaN));
  }
  const poisoned = join(folder, 'poisoned.safetensors');
  writeFileSync(poisoned, writeSafetensors(weights));
  const { code, output } = await run([
    ...SMALL,
    '--epochs',
    '1',
    '--pretrained',
    poisoned,
    '--out',
    out('poisoned'),
  ]);
  assert.is(code, 0, output);
  assert.match(
    output,
    /^no epoch had a finite validation loss; weights of the last epoch: .*best\.safetensors$/m,
  );
});

test('broken files are named and left out, or an error with --strict', async () => {
  const broken = join(
    data,
    readFileSync(join(data, 'MURA-v1.1/train_image_paths.csv'), 'utf8').split('\n')[0],
  );
  truncateSync(broken, 100);
  const { code, output } = await run([
    ...SMALL,
    '--epochs',
    '1',
    '--region',
    'elbow,XR_HAND',
    '--out',
    out('broken'),
  ]);
  assert.is(code, 0, output);
  assert.match(output, /left out of train, 1 broken image:\n {2}.*image1\.png: truncated PNG/);
  const strict = await run([...SMALL, '--epochs', '1', '--strict', '--out', out('strict')]);
  assert.is(strict.code, 1);
  assert.match(strict.output, /FormatError: 1 broken image:\n.*image1\.png: truncated PNG/);
  assert.equal(readdirSync(out('strict')), []);
});

test('--find-lr trains nothing: it prints how the loss goes, and suggests a rate', async () => {
  const unchanged = ['--no-flip', '--rotation', '0', '--shift', '0', '--brightness', '0', '--contrast', '0'];
  const { code, output } = await run([...SMALL, ...unchanged, '--find-lr', '--out', out('rate')]);
  assert.is(code, 0, output);
  assert.match(output, /^1\.0e-7 +0\.\d{3}\n/m);
  assert.match(output, /\nsuggestion: --lr \d\.\de[-+]\d, where the loss falls most steeply\n$/);
  assert.not.ok(existsSync(out('rate')));
});

test('wrong flags are explained', async () => {
  const complaints: [string[], RegExp][] = [
    [['--model', 'vgg'], /Allowed choices are cnn2, cnn4/],
    [['--lr', '-1'], /Wants a number above 0/],
    [['--batch', '1.5'], /Wants a whole number from 1 on/],
    [['--region', 'knee'], /'knee' is none of elbow/],
    [
      ['--resume', 'x', '--lr', '1'],
      /takes its settings from the checkpoint, but for --epochs and --patience; leave out --lr/,
    ],
    [
      ['--resume', join(folder, 'none.safetensors')],
      /FormatError: --resume: .*none\.safetensors: cannot be read \(ENOENT: no such file or directory\); it wants the last\.safetensors of a run/,
    ],
    [['--data', join(folder, 'none')], /no MURA data set/],
    [['--model', 'cnn4', '--pretrained', 'imagenet', '--data', data], /there are none for cnn4/],
    [['wrist'], /too many arguments/],
  ];
  for (const [args, complaint] of complaints) {
    const { code, output } = await run([...args, '--device', 'wasm', '--out', out('wrong')]);
    assert.is(code, 1, `${args.join(' ')}: ${output}`);
    assert.match(output, complaint);
    assert.not.match(output, /\n {4}at /, 'no stack trace');
  }
});

test.run();
