import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../lib/data/codecs/encode-png.ts';
import { createImage } from '../../lib/data/image.ts';
import { resize } from '../../lib/data/transforms.ts';
import { FormatError } from '../../lib/errors.ts';
import { countRows, describeBroken, MuraDataset } from '../../lib/mura/dataset.ts';
import { parseRegion } from '../../lib/mura/regions.ts';

const PATHS = [
  'train/XR_WRIST/patient00001/study1_negative/image1.png',
  'train/XR_WRIST/patient00001/study1_negative/image10.png',
  'train/XR_WRIST/patient00001/study1_negative/image2.png',
  'train/XR_HAND/patient00001/study2_positive/image1.png',
  'train/XR_ELBOW/patient00002/study1_positive/image1.png',
  'valid/XR_WRIST/patient00003/study1_negative/image1.png',
];

const folders: string[] = [];

/** A small data set on disk, with CSV files or without. */
function makeSet({ nested = 'MURA-v1.1', csv = true, labels = true } = {}): { folder: string; root: string } {
  const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
  folders.push(folder);
  const root = join(folder, nested);
  const put = (path: string, data: string | Uint8Array) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), data);
  };
  PATHS.forEach((path, i) => {
    const picture = createImage(10 + i, 12);
    picture.data.fill(40 * i);
    put(path, encodePng(picture));
    put(path.replace(/image\d+/, '._$&'), 'Mac OS X');
  });
  for (const split of ['train', 'valid']) {
    const paths = PATHS.filter((path) => path.startsWith(split));
    const studies = [...new Set(paths.map((path) => dirname(path)))];
    if (csv) put(`${split}_image_paths.csv`, paths.map((path) => `MURA-v1.1/${path}\n`).join(''));
    if (!labels) continue;
    const row = (study: string) => `MURA-v1.1/${study}/,${study.endsWith('positive') ? 1 : 0}\n`;
    put(`${split}_labeled_studies.csv`, studies.map(row).join(''));
  }
  return { folder, root };
}

test.after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

test('reads the layout: with CSV files or without, nested, AppleDouble files left out', async () => {
  for (const options of [
    { csv: true },
    { csv: false, labels: false },
    { csv: false },
    { nested: '.' },
    { nested: 'MURA-v1.1/MURA-v1.1' },
  ]) {
    const { train, valid } = await MuraDataset.open(makeSet(options).folder);
    assert.is(train.length, 5);
    assert.is(valid.length, 1);
    assert.equal(
      train.images.map(({ region, patient, label, path }) => [
        region,
        patient,
        label,
        path.split('/').at(-1),
      ]),
      [
        ['elbow', 2, 1, 'image1.png'],
        ['hand', 1, 1, 'image1.png'],
        ['wrist', 1, 0, 'image1.png'],
        ['wrist', 1, 0, 'image2.png'],
        ['wrist', 1, 0, 'image10.png'],
      ],
    );
    assert.is(train.images[0].study, 'train/XR_ELBOW/patient00002/study1_positive');
  }
});

test('prepares images once, and counts them', async () => {
  const { train, valid } = await MuraDataset.open(makeSet().folder, { prepare: resize([6, 4]) });
  const image = await train.image(2);
  assert.equal([image.width, image.height], [4, 6]);
  assert.is(await train.regions(['wrist']).image(0), image);
  const rows = countRows({ train, valid });
  assert.equal(rows, [
    ['normal/abnormal', 'train', 'valid'],
    ['elbow', '0/1', '0/0'],
    ['hand', '0/1', '0/0'],
    ['wrist', '3/0', '1/0'],
    ['all', '3/2', '1/0'],
    ['studies', '3', '1'],
    ['patients', '2', '1'],
  ]);
});

test('broken images are named and left out, or an error when strict', async () => {
  const { folder, root } = makeSet();
  writeFileSync(join(root, PATHS[0]), '');
  writeFileSync(join(root, PATHS[3]), encodePng(createImage(5, 5)).subarray(0, 40));
  unlinkSync(join(root, PATHS[4]));
  const { train } = await MuraDataset.open(folder);
  const { dataset, broken } = await train.check();
  assert.is(dataset.length, 2);
  const report = describeBroken(broken);
  assert.match(report, /3 broken images:/);
  assert.match(report, /XR_WRIST.*image1\.png: the file is empty/);
  assert.match(report, /XR_HAND.*image1\.png: truncated PNG/);
  assert.match(report, /XR_ELBOW.*image1\.png: cannot be read \(ENOENT\)/);
  try {
    await train.check({ strict: true });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, FormatError);
    assert.match((error as Error).message, /3 broken images:/);
  }
});

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.unreachable('should have failed'),
    (reason) => reason,
  );
  assert.instance(error, FormatError);
  return (error as Error).message;
}

test('contradictions and missing sets are errors that name the place', async () => {
  const { folder, root } = makeSet();
  writeFileSync(
    join(root, 'train_labeled_studies.csv'),
    'MURA-v1.1/train/XR_ELBOW/patient00002/study1_positive/,0\n',
  );
  assert.match(await failure(MuraDataset.open(folder)), /study1_positive\/' has label 0, its folder says 1/);
  writeFileSync(join(root, 'train_image_paths.csv'), 'MURA-v1.1/train/elbow/image1.png\n');
  assert.match(await failure(MuraDataset.open(folder)), /train_image_paths\.csv: .*no image path of 'train'/);
  renameSync(join(root, 'train'), join(root, 'other'));
  renameSync(join(root, 'valid'), join(root, 'others'));
  assert.match(await failure(MuraDataset.open(folder)), /no MURA data set/);
});

test('faults of a list are named with file and line', async () => {
  const rowOf = (path: string) => `MURA-v1.1/${path}\n`;
  const cases: [list: string | Buffer, fault: RegExp][] = [
    [`${rowOf(PATHS[0])}"${rowOf(PATHS[1])}`, /line 2: a quote is not closed/],
    [`${rowOf(PATHS[0])}path\n`, /line 2: 'path' is no image path of 'train'/],
    [rowOf('valid/XR_WRIST/patient00003/study1_negative/image1.png'), /line 1: .*no image path of 'train'/],
    [rowOf(PATHS[0]).replace('.png', '.txt'), /line 1: .*no image path of 'train'/],
    [rowOf(PATHS[0]) + rowOf(PATHS[1]) + PATHS[0], /line 3 repeats line 1: 'train.*image1\.png'/],
    [`${rowOf(PATHS[0])}${'x'.repeat(4e6)}`, /line 2 has 4000000 characters/],
    [Buffer.from(rowOf(PATHS[0]), 'utf16le'), /zero bytes: UTF-16/],
  ];
  const { folder, root } = makeSet();
  for (const [list, fault] of cases) {
    writeFileSync(join(root, 'train_image_paths.csv'), list);
    const message = await failure(MuraDataset.open(folder));
    assert.ok(message.startsWith(join(root, 'train_image_paths.csv')));
    assert.match(message, fault);
    assert.ok(message.length < 400);
  }
  writeFileSync(join(root, 'train_image_paths.csv'), Buffer.from(`\ufeff${rowOf(PATHS[0])}`, 'utf16le'));
  assert.is((await MuraDataset.open(folder)).train.length, 1);
});

test('links in the folders are followed, loops of them end, and no image counts twice', async () => {
  const { folder, root } = makeSet({ csv: false });
  symlinkSync('..', join(root, 'train/XR_WRIST/loop'));
  symlinkSync('../..', join(root, 'train/XR_WRIST/patient00001/loop'));
  renameSync(join(root, 'train/XR_HAND'), join(folder, 'hands'));
  symlinkSync('../../hands', join(root, 'train/XR_HAND'));
  const { train } = await MuraDataset.open(folder);
  assert.is(train.length, 5);
  assert.is(new Set(train.images.map(({ path }) => path)).size, 5);
});

test('a pipe among the images is named, not waited for', async () => {
  const { folder, root } = makeSet();
  unlinkSync(join(root, PATHS[0]));
  execFileSync('mkfifo', [join(root, PATHS[0])]);
  const { train } = await MuraDataset.open(folder);
  const { broken } = await train.check();
  assert.equal(
    broken.map(({ reason }) => reason),
    ['no regular file'],
  );
});

test('regions by name', () => {
  assert.is(parseRegion('XR_WRIST'), 'wrist');
  assert.is(parseRegion('Hand'), 'hand');
  assert.throws(() => parseRegion('knee'), /'knee' is none of elbow, finger/);
});

test.run();
