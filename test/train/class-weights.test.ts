import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { classWeights } from '../../lib/train/class-weights.ts';

const image = (region: string, label: 0 | 1) => ({ region, label, patient: 1 });
const images = [image('hand', 0), image('hand', 0), image('hand', 0), image('hand', 1), image('wrist', 1)];

test('both classes count the same, in the set or in each region', () => {
  assert.equal(classWeights(images, 'set'), Float32Array.of(0.4, 0.4, 0.4, 0.6, 0.6));
  assert.equal(classWeights(images, 'region'), Float32Array.of(0.25, 0.25, 0.25, 0.75, 0));
});

test.run();
