import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertNoSharedPatients } from '../../lib/data/split.ts';
import { MuraDataset } from '../../lib/mura/dataset.ts';
import { drawFault, drawRadiograph, FAULTS } from '../../lib/mura/radiograph.ts';
import { REGIONS } from '../../lib/mura/regions.ts';
import { skeleton } from '../../lib/mura/skeleton.ts';
import { drawMura } from '../../lib/mura/synthetic.ts';
import { Generator } from '../../lib/tensor/random.ts';

const folders = Array.from({ length: 3 }, () => mkdtempSync(join(tmpdir(), 'gradiograph-')));
test.after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(folder, file)).isFile())
    .sort();

const hash = (folder: string) =>
  filesOf(folder)
    .reduce((h, file) => h.update(file).update(readFileSync(join(folder, file))), createHash('sha256'))
    .digest('hex');

const patients = { train: 4, valid: 2 };

test('tells after each study how many of all are drawn, and lets others have their turn meanwhile', async () => {
  const told: [number, number][] = [];
  let turns = 0;
  const turn = setInterval(() => turns++);
  const { studies } = await drawMura(join(folders[2], 'told'), {
    patients,
    onProgress: (done, all) => told.push([done, all]),
  });
  clearInterval(turn);
  assert.equal(
    told,
    Array.from({ length: studies }, (_, i) => [i + 1, studies]),
  );
  assert.ok(turns > 1);
  rmSync(join(folders[2], 'told'), { recursive: true });
});

test('same seed, same bytes; another seed, others', async () => {
  await drawMura(folders[0], { patients });
  await drawMura(folders[1], { patients });
  await drawMura(folders[2], { patients, seed: 1 });
  assert.is(hash(folders[0]), hash(folders[1]));
  assert.is.not(hash(folders[0]), hash(folders[2]));
});

test('reads as the real set: regions, classes, sizes, gray and RGB', async () => {
  const { train, valid } = await MuraDataset.open(folders[0]);
  assertNoSharedPatients({ train: train.images, valid: valid.images });
  assert.equal(new Set(train.images.map(({ region }) => region)), new Set(REGIONS));
  assert.equal(new Set(train.images.map(({ label }) => label)), new Set([0, 1]));
  const { broken } = await train.check();
  assert.equal(broken, []);
  const files = train.images.map(({ path }) => PNG.sync.read(readFileSync(path)));
  assert.ok(new Set(files.map(({ width, height }) => `${width}x${height}`)).size > files.length / 2);
  assert.equal(new Set(files.map((file) => file.color)), new Set([true, false]));
});

test('a fault changes the picture around its place', () => {
  for (const region of REGIONS) {
    for (const kind of FAULTS) {
      const bones = skeleton(region, new Generator(1, 2));
      const fault = drawFault(bones, kind, new Generator(3));
      const abnormal = drawRadiograph(bones, fault, 160, 200, new Generator(4));
      const normal = drawRadiograph(bones, null, 160, 200, new Generator(4));
      assert.is(normal.faultAt, null);
      assert.ok(abnormal.faultAt);
      let [weight, x, y] = [0, 0, 0];
      abnormal.image.data.forEach((value, i) => {
        const change = Math.abs(value - normal.image.data[i]);
        weight += change;
        x += change * (i % 160);
        y += change * Math.floor(i / 160);
      });
      const away = Math.hypot(x / weight - abnormal.faultAt.x, y / weight - abnormal.faultAt.y);
      const limit = kind === 'fracture' ? 50 : 12;
      assert.ok(
        weight > 1000 && away < limit,
        `${region} ${kind}: ${weight} levels, ${away.toFixed(1)} pixels away`,
      );
    }
  }
});

test.run();
