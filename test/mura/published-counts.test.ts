import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { comparePublishedCounts, PUBLISHED_COUNTS } from '../../lib/mura/published-counts.ts';
import { type MuraImage, REGIONS, type Split } from '../../lib/mura/regions.ts';

/** Listings with as many images as were published. */
function listImages(split: Split): MuraImage[] {
  return REGIONS.flatMap((region) =>
    PUBLISHED_COUNTS[split][region].flatMap((count, label) =>
      Array.from({ length: count }, (_, patient) => ({
        path: '',
        study: '',
        split,
        region,
        patient,
        label: label as 0 | 1,
      })),
    ),
  );
}

const full = { train: { images: listImages('train') }, valid: { images: listImages('valid') } };

test('the published counts have the published sums', () => {
  assert.is(full.train.images.length, 36_808);
  assert.is(full.valid.images.length, 3197);
});

test('the full data set agrees in every region', () => {
  const rows = comparePublishedCounts(full);
  assert.equal(rows?.[1], ['elbow', '2925/2006', '2925/2006', '235/230', '235/230', 'agrees']);
  assert.equal(rows?.at(-1), ['all', '21935/14873', '21935/14873', '1667/1530', '1667/1530', 'agrees']);
  assert.is(rows?.length, 9);
  assert.ok(rows?.slice(1).every((row) => row[5] === 'agrees'));
});

test('a region that differs is named, with both counts', () => {
  const images = full.train.images.filter(
    ({ region, label, patient }) => region !== 'hand' || label === 0 || patient > 2,
  );
  const rows = comparePublishedCounts({ ...full, train: { images } }) ?? [];
  assert.equal(rows[4], ['hand', '4059/1481', '4059/1484', '271/189', '271/189', 'DIFFERS']);
  const differing = rows.filter((row) => row[5] === 'DIFFERS').map(([title]) => title);
  assert.equal(differing, ['hand', 'all']);
});

test('another data set, or a part, is not compared', () => {
  const images = full.train.images.filter(({ region }) => region === 'wrist');
  assert.is(comparePublishedCounts({ ...full, train: { images } }), null);
  assert.is(comparePublishedCounts({ ...full, valid: { images: [] } }), null);
});

test.run();
