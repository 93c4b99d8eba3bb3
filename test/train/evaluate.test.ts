import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ImageDataset } from '../../lib/data/image-dataset.ts';
import { DataLoader } from '../../lib/data/loader.ts';
import { horizontalFlip } from '../../lib/data/transforms.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { ShapeError } from '../../lib/errors.ts';
import { memory, nn } from '../../lib/index.ts';
import { averageEvaluations, type Evaluation, evaluate } from '../../lib/train/evaluate.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { dataset, makeModel, options, validation } from './toy.ts';

const test = suite('evaluate');
test.before.each(() => setDevice(new ReferenceDevice()));
test.after.each(() => setDevice(null));

const mirrorImages: ImageDataset = { ...dataset, image: async (i) => horizontalFlip(await dataset.image(i)) };
const throwsShape = async (run: () => Promise<unknown>, message: RegExp) => {
  const error = await run().then(
    () => null,
    (error) => error,
  );
  assert.instance(error, ShapeError);
  assert.match(error.message, message);
};
const crossEntropy = ({ labels, scores }: Pick<Evaluation, 'labels' | 'scores'>) =>
  labels.reduce((sum, label, i) => sum - Math.log(label === 1 ? scores[i] : 1 - scores[i]), 0) /
  labels.length;
const near = (a: number, b: number, what: string) => assert.ok(Math.abs(a - b) < 1e-6, `${what}: ${a}, ${b}`);

test('the loss is that of the scores, the mode is put back, and memory is as before', async () => {
  const model = makeModel();
  const before = memory();
  const done: number[] = [];
  const evaluation = await evaluate(model, validation, { onBatch: (n) => done.push(n) });
  near(evaluation.loss, crossEntropy(evaluation), 'loss');
  assert.equal(done, [8, 16, 24, 32, 40]);
  assert.is(model.training, true);
  assert.equal(memory(), before);
});

test('test-time augmentation is the mean probability of an image and its mirror image', async () => {
  const model = makeModel();
  const plain = await evaluate(model, validation);
  const mirrored = await evaluate(model, new DataLoader(mirrorImages, options));
  const augmented = await evaluate(model, validation, { testTimeAugmentation: true });
  let asymmetric = 0;
  augmented.scores.forEach((score, i) => {
    near(score, (plain.scores[i] + mirrored.scores[i]) / 2, `image ${i}`);
    asymmetric = Math.max(asymmetric, Math.abs(plain.scores[i] - mirrored.scores[i]));
  });
  assert.ok(asymmetric > 0.01, 'the model tells left from right');
  near(augmented.loss, crossEntropy(augmented), 'loss');
});

test('a probability that rounds to 1 has an exact loss', async () => {
  const constant = new nn.Linear(36, 1);
  constant.weight.assign(constant.weight.device.upload(new Float32Array(36)));
  constant.bias?.assign(constant.weight.device.upload(Float32Array.of(200)));
  const model = new nn.Sequential(new nn.Flatten(), constant);
  for (const testTimeAugmentation of [false, true]) {
    const { loss, scores } = await evaluate(model, validation, { testTimeAugmentation });
    assert.is(loss, 100, 'half the labels are 0, and lose 200 each');
    assert.ok(scores.every((score) => score === 1));
  }
});

test('an ensemble is the mean probability of its models', () => {
  const labels = Float32Array.of(0, 1, 1);
  const a = { loss: 9, labels, scores: Float32Array.of(0.25, 0.5, 1) };
  const b = { loss: 9, labels, scores: Float32Array.of(0.75, 0.75, 1) };
  const both = averageEvaluations([a, b]);
  assert.equal([...both.scores], [0.5, 0.625, 1]);
  near(both.loss, -(Math.log(0.5) + Math.log(0.625)) / 3, 'loss');
  assert.is(averageEvaluations([{ ...a, scores: Float32Array.of(1, 1, 1) }]).loss, 100 / 3);
  assert.throws(() => averageEvaluations([]), /one evaluation or more/);
  const other = { ...b, labels: Float32Array.of(0, 0, 1) };
  assert.throws(() => averageEvaluations([a, other]), /evaluation 1 is not of the same images/);
});

test('a model of more logits, and a loader that leaves images out, are errors', async () => {
  const two = new nn.Sequential(new nn.Flatten(), new nn.Linear(36, 2));
  await throwsShape(() => evaluate(two, validation), /gives \[8, 2\], wants one logit a sample, \[8, 1\]/);
  const short = new DataLoader(dataset, { ...options, batchSize: 12, dropLast: true });
  await throwsShape(() => evaluate(makeModel(), short), /36 of 40 samples/);
});

test.run();
