import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseGallery } from '../../lib/report/gallery.ts';
import type { ScoredImage } from '../../lib/report/summary.ts';

const image = (study: string, label: 0 | 1, score: number): ScoredImage => ({
  path: `${study}-${score}`,
  split: 'valid',
  region: 'hand',
  patient: 1,
  study,
  label,
  score,
});
const paths = (images: readonly ScoredImage[]) => images.map(({ path }) => path);

test('misses, false alarms, hits and cleared, the surest first, one of a study', () => {
  const predictions = [
    image('a', 1, 0.2),
    image('a', 1, 0.1),
    image('b', 1, 0.15),
    image('c', 0, 0.7),
    image('d', 0, 0.9),
    image('e', 1, 0.8),
    image('f', 1, Number.NaN),
    image('g', 0, 0.3),
    image('h', 0, 0.05),
  ];
  assert.equal(paths(chooseGallery(predictions)), [
    'a-0.1',
    'b-0.15',
    'd-0.9',
    'c-0.7',
    'e-0.8',
    'h-0.05',
    'g-0.3',
  ]);
  assert.equal(paths(chooseGallery(predictions, 0.5, 1)), ['a-0.1', 'd-0.9', 'e-0.8', 'h-0.05']);
});

test('the threshold decides what an image was called', () => {
  const predictions = [image('a', 1, 0.4), image('b', 0, 0.4)];
  assert.equal(paths(chooseGallery(predictions, 0.5)), ['a-0.4', 'b-0.4']);
  assert.equal(paths(chooseGallery(predictions, 0.3)), ['b-0.4', 'a-0.4']);
});

test('nothing to choose from is nothing chosen', () => assert.equal(chooseGallery([]), []));

test.run();
