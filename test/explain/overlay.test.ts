import { PNG } from 'pngjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createImage } from '../../lib/data/image.ts';
import type { ActivationMap } from '../../lib/explain/class-activation.ts';
import { plasma } from '../../lib/explain/overlay.ts';
import { overlayPng } from '../../lib/explain/overlay-png.ts';

const image = createImage(80, 40);
image.data.forEach((_, i, data) => {
  data[i] = 60 + (i % 80);
});

/** The colours of an overlay at (x, y). */
function overlay(map: ActivationMap): (x: number, y: number) => number[] {
  const { width, height, data } = PNG.sync.read(Buffer.from(overlayPng(image, map)));
  assert.equal([width, height], [80, 40]);
  return (x, y) => [...data.subarray(4 * (80 * y + x), 4 * (80 * y + x) + 3)];
}
const gray = (x: number) => [60 + x, 60 + x, 60 + x];

test("colours are matplotlib's plasma within 6 levels", () => {
  for (const [level, ...colors] of [
    [0, 13, 8, 135],
    [16, 49, 5, 151],
    [51, 106, 0, 168],
    [100, 174, 40, 146],
    [140, 214, 85, 109],
    [200, 251, 161, 57],
    [240, 248, 223, 37],
    [255, 240, 249, 33],
  ]) {
    plasma(level / 255).forEach((value, channel) => {
      assert.ok(
        Math.abs(value - colors[channel]) <= 6,
        `level ${level}, channel ${channel}: ${value}, ${colors}`,
      );
    });
  }
  assert.equal(plasma(-1), plasma(0));
  assert.equal(plasma(2), plasma(1));
});

test('the hottest place is most opaque, and where a map is not above zero the image is as it was', () => {
  const at = overlay({ width: 4, height: 2, data: Float32Array.of(-9, -2, 0, 5, -1, 0, 0, 0) });
  assert.equal(at(79, 0), [
    Math.round(0.4 * 139 + 0.6 * 240),
    Math.round(0.4 * 139 + 0.6 * 249),
    Math.round(0.4 * 139 + 0.6 * 33),
  ]);
  const [red, green, blue] = at(64, 12);
  assert.ok(red > green && red > blue && red > 60 + 64, `half as hot: ${[red, green, blue]}`);
  for (const [x, y] of [
    [0, 0],
    [20, 30],
    [45, 5],
    [79, 39],
  ])
    assert.equal(at(x, y), gray(x));
});

test('a map is scaled by its own greatest value, and one with nothing above zero shows nothing', () => {
  const data = Float32Array.from({ length: 6 }, (_, i) => i);
  assert.equal(
    overlayPng(image, { width: 3, height: 2, data }),
    overlayPng(image, { width: 3, height: 2, data: data.map((value) => 1000 * value) }),
  );
  const at = overlay({ width: 3, height: 2, data: data.map((value) => -value) });
  for (const x of [0, 40, 79]) assert.equal(at(x, 20), gray(x));
});

test('of an image that was padded to a square the map covers the square, and what lies beside the image is left out', () => {
  const rows = [0, 0, 9, 0, 0, 0, 0, 0];
  const map = { width: 1, height: 8, data: Float32Array.from(rows) };
  const [wide, tall] = [createImage(80, 40), createImage(40, 80)];
  const colours = (file: Uint8Array) => PNG.sync.read(Buffer.from(file));
  const { width, height, data } = colours(overlayPng(wide, map, { fit: 'pad' }));
  assert.equal([width, height], [80, 40]);
  // Of the square's 80 rows the image has 20 to 59; the third eighth, rows 20 to 29, is hot: the image's upper end.
  const sums = Array.from({ length: 40 }, (_, y) => data[4 * 80 * y] + data[4 * 80 * y + 1]);
  assert.ok(sums[4] > 200 && sums[4] === Math.max(...sums), String(sums));
  assert.is(sums[39], 0);
  const across = { width: 8, height: 1, data: map.data };
  const narrow = colours(overlayPng(tall, across, { fit: 'pad' }));
  assert.equal([narrow.width, narrow.height], [40, 80]);
  assert.ok(narrow.data[4 * 4] > 100 && narrow.data[4 * 39] === 0);
});

test.run();
