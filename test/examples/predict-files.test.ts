/** mura-predict and the files it is given: each accounted for, each map in a file of its own, no name that acts on a terminal. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildModel } from '../../examples/mura/build.ts';
import { findImages } from '../../examples/mura/find-images.ts';
import { OverlayFiles } from '../../examples/mura/overlay-files.ts';
import { RECIPES } from '../../examples/mura/recipes.ts';
import { saveNetwork } from '../../examples/mura/weights.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { seed } from '../../lib/index.ts';
import { encodePng } from '../../lib/node.ts';
import { Generator } from '../../lib/tensor/random.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { runExample } from './run.ts';

const test = suite('mura-predict and files');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const at = (...names: string[]) => join(folder, ...names);
const weights = at('weights.safetensors');

test.before(async () => {
  setDevice(new ReferenceDevice());
  seed(1);
  const recipe = { ...RECIPES.resnet18, size: 32, channels: 1, head: null, fit: 'pad' } as const;
  await saveNetwork(weights, buildModel(recipe), { recipe, regions: [], threshold: 0.5 });
});
test.after(() => rmSync(folder, { recursive: true }));

/** An image that no other is like, of a size of its own. */
function picture(number: number) {
  const random = new Generator(number);
  const [width, height] = [40 + number, 90 - number];
  const data = Uint8ClampedArray.from({ length: width * height }, () => 255 * random.random());
  return { width, height, data };
}
let pictures = 0;
function put(path: string): void {
  const image = picture(++pictures);
  mkdirSync(dirname(path), { recursive: true });
  const isJpeg = /jpe?g$/i.test(path);
  const rgba = Buffer.from(
    image.data.reduce<number[]>((all, value) => all.concat(value, value, value, 255), []),
  );
  writeFileSync(path, isJpeg ? jpeg.encode({ ...image, data: rgba }, 90).data : encodePng(image));
}

const predict = (...args: string[]) =>
  runExample('mura-predict', [...args, '--weights', weights, '--device', 'wasm', '--threads', '2']);

interface LeftOut {
  path: string;
  reason: string;
}
interface Predictions {
  images: { path: string; overlay: string }[];
  failed: LeftOut[];
  repeated: LeftOut[];
  ignored: LeftOut[];
}

/** As a file system takes a name that knows neither case nor Unicode's normal forms. */
const folded = (name: string) => name.normalize('NFC').toLowerCase();

const NAMES = [
  ...['a.png', 'a.PNG', 'A.png', 'x.png', 'x.jpg', 'x.jpeg', 'x.jpg.png', 'x.JPG'],
  ...['caf\u00e9.png', 'cafe\u0301.png', 'left/w.png', 'right/w.png', 'right/w-overlay.png'],
  ...[
    'two\nlines.png',
    'two\\nlines.png',
    '\x1b[31mred\x1b[0m.png',
    'gnp.\u202eetihw.png',
    '\u009b2J.png',
    ' .png',
  ],
  ...[`${'n'.repeat(250)}.png`, `${'n'.repeat(249)}m.png`],
];

test('unequal names, unequal files: every image has a map of its own, of its own size, and none is skipped', async () => {
  for (const name of NAMES) put(at('all', name));
  const { code, stdout, output } = await predict(at('all'), '--json', '--out', at('maps'));
  assert.is(code, 0, output);
  const { images, ...rest } = JSON.parse(stdout) as Predictions;
  assert.equal(images.map(({ path }) => path).sort(), NAMES.map((name) => at('all', name)).sort());
  assert.equal([rest.failed, rest.repeated, rest.ignored], [[], [], []]);
  assert.is(new Set(images.map(({ overlay }) => folded(overlay))).size, NAMES.length);
  const contents = images.map(({ overlay }) => readFileSync(overlay).toString('base64'));
  assert.is(new Set(contents).size, NAMES.length);
  for (const { path, overlay } of images) {
    const map = PNG.sync.read(readFileSync(overlay));
    const file = readFileSync(path);
    const image = /jpe?g$/i.test(path) ? jpeg.decode(file) : PNG.sync.read(file);
    assert.equal([map.width, map.height], [image.width, image.height], path);
  }
  const overlayOf = (name: string) => images.find(({ path }) => path === at('all', name))?.overlay;
  assert.is(overlayOf('x.png'), at('maps', 'x-overlay.png'));
  assert.is(overlayOf('x.jpeg'), at('maps', 'x.jpeg-overlay.png'));
  assert.is(overlayOf('left/w.png'), at('maps', 'left/w-overlay.png'));
  assert.match(output, /^21 images: 21 predicted$/m);
});

test('what is printed of a name acts on no terminal', async () => {
  const { code, output } = await predict(at('all'), '--out', at('printed'));
  assert.is(code, 0, output);
  assert.not.match(output, /[^\P{C}\n]/u);
  assert.match(output, "$'");
  assert.match(output, /two\\nlines\.png'/);
  const named = await predict(at('none\x1b[2J.png'));
  assert.is(named.code, 1);
  assert.match(named.output, /none\\x1b\[2J\.png.*: no such file or folder/);
  assert.not.match(named.output, /[^\P{C}\n]/u);
});

test("a patient's map stays when another patient's image of the same name follows, and one of the same image is not doubled", async () => {
  put(at('first/wrist.png'));
  put(at('second/wrist.png'));
  const overlay = async (path: string) => {
    const { stdout, output } = await predict(path, '--json', '--out', at('same'));
    assert.match(output, '1 image: 1 predicted');
    return (JSON.parse(stdout) as Predictions).images[0].overlay;
  };
  const first = await overlay(at('first/wrist.png'));
  const before = readFileSync(first);
  const second = await overlay(at('second'));
  assert.equal(
    [first, second].map((path) => basename(path)),
    ['wrist-overlay.png', 'wrist-overlay-2.png'],
  );
  assert.is(await overlay(at('first')), first);
  assert.equal(readFileSync(first), before);
});

test('maps that two programs write at once do not meet in one file', async () => {
  const pngs = Array.from({ length: 8 }, (_, i) => encodePng(picture(i)));
  const paths = await Promise.all(
    pngs.map((png, i) =>
      new OverlayFiles(at('race'), [at(`${i}/wrist.png`)]).write(at(`${i}/wrist.png`), png),
    ),
  );
  assert.is(new Set(paths).size, pngs.length);
  paths.forEach((path, i) => {
    assert.equal(readFileSync(path), Buffer.from(pngs[i]));
  });
});

const hasFifos = process.platform !== 'win32';

test('links are followed once; what is no file is named instead of waited for; every entry is accounted for', async () => {
  const here = at('odd');
  put(join(here, 'image.png'));
  put(join(here, 'deep/er/image.png'));
  put(at('elsewhere/far.png'));
  put(at('elsewhere/near.png'));
  const link = (target: string, name: string) => symlinkSync(target, join(here, name));
  link('image.png', 'again.png');
  link(at('elsewhere/far.png'), 'far.png');
  link(at('elsewhere'), 'folder');
  link('..', 'deep/er/circle');
  link('nowhere.png', 'broken.png');
  link('self.png', 'self.png');
  writeFileSync(join(here, '._image.png'), 'no image');
  writeFileSync(join(here, 'notes.txt'), 'no image');
  if (hasFifos) {
    spawnSync('mkfifo', [join(here, 'fifo.png')]);
    link('/dev/zero', 'device.png');
  }
  const { images, failed, repeated, ignored } = await findImages([here, join(here, 'image.png')]);
  const below = (paths: readonly string[]) => paths.map((path) => path.slice(here.length + 1)).sort();
  const told = (list: readonly LeftOut[]) =>
    Object.fromEntries(list.map(({ path, reason }) => [path.slice(here.length + 1), reason]));
  assert.equal(below(images), ['deep/er/image.png', 'far.png', 'folder/near.png', 'image.png']);
  assert.equal(told(failed), {
    'broken.png': 'no such file or folder',
    'self.png': 'a symbolic link that leads in a circle',
    ...(hasFifos ? { 'fifo.png': 'a FIFO, no image file', 'device.png': 'a device, no image file' } : {}),
  });
  assert.equal(told(repeated), {
    'again.png': `the same as ${join(here, 'image.png')}`,
    'deep/er/circle': `the same as ${join(here, 'deep')}`,
    'folder/far.png': `the same as ${join(here, 'far.png')}`,
    'image.png': `the same as ${join(here, 'image.png')}`,
  });
  assert.equal(told(ignored), { '._image.png': 'hidden', 'notes.txt': 'of another name' });

  const { code, stdout, output } = await predict(here, '--no-overlays');
  assert.is(code, 1, output);
  assert.match(
    stdout,
    hasFifos
      ? /\n11 images: 4 predicted, 4 left out, 3 named twice; ignored beside them: 1 hidden, 1 of another name\n$/
      : /11 images|9 images/,
  );
  assert.match(output, /left out: .*broken\.png: no such file or folder/);
  assert.match(output, /not again: .*again\.png: the same as .*image\.png/);
});

test('a FIFO, a device or an empty folder that is asked for is refused by its name', async () => {
  mkdirSync(at('bare'));
  if (hasFifos) {
    spawnSync('mkfifo', [at('pipe.png')]);
    const refused = await predict(at('all', 'a.png'), at('pipe.png'));
    assert.is(refused.code, 1);
    assert.match(refused.output, /FormatError: .*pipe\.png: a FIFO, no image file/);
    assert.match((await predict('/dev/zero')).output, /FormatError: \/dev\/zero: a device, no image file/);
  }
  assert.match(
    (await predict(at('bare'))).output,
    /FormatError: .*bare: no PNG or JPEG files in this folder/,
  );
});

test.run();
