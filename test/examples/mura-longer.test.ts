/** mura-train goes on for longer than was planned. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Trainings } from './trainings.ts';

const test = suite('mura-train for longer');
const trainings = new Trainings();
const { run, small: SMALL, out, curve, best } = trainings;
test.before(() => trainings.draw());
test.after(() => rmSync(trainings.folder, { recursive: true }));

test('--resume with --epochs goes on with a finished training, to the bits of one that was planned so long', async () => {
  const constant = [...SMALL, '--schedule', 'constant'];
  const whole = await run([...constant, '--epochs', '3', '--out', out('long')]);
  assert.is(whole.code, 0, whole.output);
  const short = await run([...constant, '--epochs', '2', '--out', out('short')]);
  assert.is(short.code, 0, short.output);
  const last = join(out('short'), 'last.safetensors');
  const flags = ['--resume', last, '--device', 'wasm', '--threads', '2'];
  const longer = await run([...flags, '--epochs', '3']);
  assert.is(longer.code, 0, longer.output);
  assert.equal(curve('short'), curve('long'));
  assert.equal(best('short'), best('long'));
  const { settings } = JSON.parse(readFileSync(join(out('short'), 'result.json'), 'utf8'));
  assert.is(settings.recipe.epochs, 3);
  const fewer = await run([...flags, '--epochs', '1']);
  assert.is(fewer.code, 1);
  assert.match(fewer.output, /GradiographError: --epochs 1: 3 are trained already/);
});

test('a training that --patience has ended says so, and goes on when it is told to', async () => {
  // At this rate no second epoch is better than the first.
  const wild = ['--schedule', 'constant', '--lr', '1', '--optimizer', 'sgd'];
  const stopped = await run([...SMALL, ...wild, '--epochs', '9', '--patience', '1', '--out', out('patient')]);
  assert.is(stopped.code, 0, stopped.output);
  const ended = Number(
    /^ended after epoch (\d) of 9: --patience 1 epochs without/m.exec(stopped.output)?.[1],
  );
  assert.is(curve('patient').length, 1 + ended);
  const flags = ['--resume', join(out('patient'), 'last.safetensors'), '--device', 'wasm', '--threads', '2'];
  const same = await run([...flags, '--epochs', '10']);
  assert.match(same.output, new RegExp(`^ended after epoch ${ended} of 10`, 'm'));
  const resumed = await run([...flags, '--epochs', `${ended + 1}`, '--patience', 'none']);
  assert.is(resumed.code, 0, resumed.output);
  assert.is(curve('patient').length, 1 + ended + 1);
});

test.run();
