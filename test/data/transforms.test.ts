import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createImage, eachPlane, type GrayImage, type Image } from '../../lib/data/image.ts';
import { resizeImage, rotateImage } from '../../lib/data/resample.ts';
import * as transforms from '../../lib/data/transforms.ts';
import { ShapeError } from '../../lib/errors.ts';
import { Generator } from '../../lib/tensor/random.ts';

interface Recorded {
  width: number;
  height: number;
  data: number[];
}
interface Recordings {
  image: Recorded;
  resize: Recorded[];
  pad: Recorded[];
  centerCrop: Recorded[];
  rotate: (Recorded & { degrees: number })[];
  brightness: (Recorded & { factor: number })[];
  contrast: (Recorded & { factor: number })[];
}
interface ColorRecordings extends Recordings {
  flip: Recorded;
  jitter: (Recorded & { factors: [brightness: number, contrast: number] })[];
}
const golden: Recordings & { color: ColorRecordings } = JSON.parse(
  readFileSync(new URL('../golden/transforms.json', import.meta.url), 'utf8'),
);
const image: GrayImage = { ...golden.image, data: Uint8ClampedArray.from(golden.image.data) };
const color: Image = {
  ...golden.color.image,
  channels: 3,
  data: Uint8ClampedArray.from(golden.color.image.data),
};

/** Every level within 1 of Pillow's for each step, since it rounds in fixed point or cuts off the fraction. */
function assertClose(actual: Image, expected: Recorded, most = 1): void {
  assert.equal([actual.width, actual.height], [expected.width, expected.height]);
  assert.is(actual.data.length, expected.data.length);
  const worst = Math.max(...expected.data.map((value, i) => Math.abs(value - actual.data[i])));
  assert.ok(worst <= most, `differs by ${worst} gray levels`);
}

const random = () => new Generator(7);

test('resize equals Pillow within one gray level', () => {
  for (const expected of golden.resize)
    assertClose(resizeImage(image, expected.height, expected.width), expected);
});

test('padding to a size equals Pillow within one gray level, a centre crop torchvision', () => {
  for (const expected of golden.pad) {
    const pad = transforms.resize([expected.height, expected.width], { fit: 'pad' });
    assertClose(pad(image, random()), expected);
  }
  for (const expected of golden.centerCrop) {
    const { data } = transforms.centerCrop([expected.height, expected.width])(image, random());
    assert.equal([...data], expected.data);
  }
});

test('rotation equals Pillow within one gray level', () => {
  for (const expected of golden.rotate) assertClose(rotateImage(image, expected.degrees), expected);
});

test('brightness and contrast equal Pillow within one gray level', () => {
  for (const e of golden.brightness) assertClose(transforms.adjustBrightness(image, e.factor), e);
  for (const e of golden.contrast) assertClose(transforms.adjustContrast(image, e.factor), e);
});

test('colours: resize, padding and rotation equal torchvision within one level, crop and mirror bit for bit', () => {
  const { resize, pad, centerCrop, rotate, flip } = golden.color;
  for (const e of resize) assertClose(transforms.resize([e.height, e.width])(color, random()), e);
  for (const e of pad)
    assertClose(transforms.resize([e.height, e.width], { fit: 'pad' })(color, random()), e);
  for (const e of rotate)
    assertClose(
      eachPlane(color, (plane) => rotateImage(plane, e.degrees)),
      e,
    );
  for (const e of centerCrop) {
    assert.equal([...transforms.centerCrop([e.height, e.width])(color, random()).data], e.data);
  }
  assert.equal([...transforms.horizontalFlip(color).data], flip.data);
});

test('colours: brightness and contrast equal torchvision within one level, together within two', () => {
  const { brightness, contrast, jitter } = golden.color;
  for (const e of brightness) assertClose(transforms.adjustBrightness(color, e.factor), e);
  for (const e of contrast) assertClose(transforms.adjustContrast(color, e.factor), e);
  for (const { factors, ...e } of jitter) {
    const changed = transforms.adjustContrast(transforms.adjustBrightness(color, factors[0]), factors[1]);
    assertClose(changed, e, 2);
  }
});

test('a random change is the same for every channel: planes of one image, turned and mirrored together', () => {
  const gray: Image = {
    ...color,
    data: Uint8ClampedArray.from([...image.data, ...image.data, ...image.data]),
  };
  const augment = transforms.compose([
    transforms.randomHorizontalFlip(),
    transforms.randomRotation(30),
    transforms.randomCrop(16, { padding: 2 }),
    transforms.colorJitter({ brightness: 0.3, contrast: 0.3 }),
  ]);
  for (let stream = 0; stream < 8; stream++) {
    const alone = [...augment(image, new Generator(5, stream)).data];
    const together = augment(gray, new Generator(5, stream));
    assert.is(together.channels, 3);
    assert.equal([...together.data], [...alone, ...alone, ...alone]);
  }
});

test('resize with padding keeps the aspect, centred on black', () => {
  const white: GrayImage = { width: 10, height: 20, data: new Uint8ClampedArray(200).fill(255) };
  const { width, height, data } = transforms.resize(8, { fit: 'pad' })(white, random());
  assert.equal([width, height], [8, 8]);
  for (let y = 0; y < 8; y++)
    assert.equal([...data.subarray(8 * y, 8 * y + 8)], [0, 0, 255, 255, 255, 255, 0, 0]);
});

test('crops cut the right part, and pad what is too small', () => {
  const numbered = createImage(5, 4);
  numbered.data.set(Array.from({ length: 20 }, (_, i) => i));
  assert.equal([...transforms.centerCrop([2, 3])(numbered, random()).data], [6, 7, 8, 11, 12, 13]);
  assert.equal(transforms.centerCrop([4, 7])(numbered, random()).data[1], 0);
  const all = transforms.randomCrop([4, 5])(numbered, random());
  assert.equal(all, numbered);
  const padded = transforms.randomCrop([6, 7], { padding: 1 })(numbered, random());
  assert.equal([padded.data[0], padded.data[8], padded.data[33]], [0, 0, 19]);
  assert.throws(
    () => transforms.randomCrop(6)(numbered, random()),
    (error: Error) => error instanceof ShapeError,
  );
});

test('flip mirrors each row', () => {
  const flipped = transforms.horizontalFlip(image);
  assert.is(flipped.data[0], image.data[16]);
  assert.equal(transforms.horizontalFlip(flipped), image);
  assert.is(transforms.randomHorizontalFlip(0)(image, random()), image);
  assert.equal(transforms.randomHorizontalFlip(1)(image, random()), flipped);
});

test('random transforms are functions of the generator', () => {
  const augment = transforms.compose([
    transforms.randomHorizontalFlip(),
    transforms.randomRotation(30),
    transforms.colorJitter({ brightness: 0.3, contrast: 0.3 }),
  ]);
  const once = augment(image, new Generator(1, 5));
  assert.equal(augment(image, new Generator(1, 5)), once);
  assert.not.equal(augment(image, new Generator(1, 6)), once);
});

test('a transform is rebuilt from its description, after a trip through JSON', () => {
  const all = transforms.compose([
    transforms.resize([20, 24], { fit: 'pad' }),
    transforms.compose([transforms.randomCrop(16, { padding: 2 }), transforms.centerCrop([14, 15])]),
    transforms.randomHorizontalFlip(0.4),
    transforms.randomRotation(25),
    transforms.colorJitter({ contrast: 0.5 }),
  ]);
  const rebuilt = transforms.rebuild(JSON.parse(JSON.stringify(all.description)));
  for (let stream = 0; stream < 8; stream++) {
    const again = rebuilt(image, new Generator(3, stream));
    assert.equal(again, all(image, new Generator(3, stream)));
  }
  assert.equal(rebuilt.description, all.description);
});

test('what holds a function of the user has no description', () => {
  const own: transforms.Transform = (picture) => picture;
  assert.is(transforms.compose([transforms.resize(8), own]).description, undefined);
});

test('normalize repeats gray in three channels, or keeps one', () => {
  const three = transforms.normalize(image, transforms.IMAGENET);
  const pixels = image.data.length;
  assert.is(three.length, 3 * pixels);
  [0, 1, 2].forEach((channel) => {
    const { mean, std } = transforms.IMAGENET;
    const expected = (image.data[5] / 255 - mean[channel]) / std[channel];
    assert.ok(Math.abs(three[channel * pixels + 5] - expected) < 1e-6);
  });
  assert.is(transforms.normalize(image, transforms.GRAY).length, pixels);
});

test.run();
