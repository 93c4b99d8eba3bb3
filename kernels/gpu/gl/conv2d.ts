import type { Program } from '../program/program.ts';
import { LANES, type PackedImage, packedDims, quarters } from './pack.ts';
import type { Axis, Tiling } from './tiling.ts';

/**
 * Convolution of a packed image with packed weights: each thread makes a tile of pixels x four channels, one
 * output of the kernel map a pixel. For four reduced channels, an input texel and a tap's four weight texels serve
 * sixteen multiply-adds, and the inputs that the tile's pixels share are fetched once.
 *
 * x: packed image of `reduced` channels; w: `[channels / 4, reduced, kh * kw]`, four channels a texel; outputs:
 * `[batch * height tiles, channels / 4, width tiles]`, so that a row of tiles is made while its inputs are in cache.
 */
export function convolveTiles(
  image: PackedImage,
  channels: number,
  kernelWidth: number,
  taps: number,
  { height, width }: Tiling,
): Program {
  const reduced = image.channels;
  const c4 = quarters(channels);
  const full = Math.floor(reduced / 4);
  const pixels = height.tile * width.tile;
  const accumulators = Array.from({ length: pixels }, (_, p) => LANES.map((lane) => `a${p}_${lane}`));
  const { loop } = height;
  const moved = loop ? ` ${loop.stride < 0 ? '-' : '+'} k * ${Math.abs(loop.stride)}` : '';
  const step = (c: string, lanes: number) =>
    multiplyAdds(height, width, kernelWidth, lanes, {
      input: (row, column) =>
        `x[n + ${c}][ty * ${height.step} + ${row + height.before}${moved}][this.thread.x * ${width.step} + ${column + width.before}]`,
      weight: (tap, lane) =>
        `w[this.thread.y][${c} * 4 + ${lane}][${tap}${loop ? ` + k * ${kernelWidth}` : ''}]`,
    });
  const round = (c: string, lanes: number) =>
    loop ? `for (let k = 0; k < ${loop.count}; k++) {\n${step(c, lanes)}\n}` : step(c, lanes);
  return {
    inputs: [
      { name: 'x', dims: packedDims(image), lanes: true },
      { name: 'w', dims: [taps, reduced, c4], lanes: true },
    ],
    output: [width.tiles, c4, image.batch * height.tiles],
    returns: 'Array(4)',
    maps: accumulators.slice(1).map((_, p) => `pixel${p + 1}`),
    body: `const image = Math.floor((this.thread.z + 0.5) / ${height.tiles}.0);
const ty = this.thread.z - image * ${height.tiles};
const n = image * ${quarters(reduced)};
${accumulators.map((lanes) => lanes.map((name) => `let ${name} = 0.0;`).join(' ')).join('\n')}
${full > 0 ? `for (let c = 0; c < ${full}; c++) {\n${round('c', 4)}\n}` : ''}
${reduced % 4 > 0 ? round(`${full}`, reduced % 4) : ''}
${accumulators
  .slice(1)
  .map((lanes, p) => `pixel${p + 1}([${lanes.join(', ')}]);`)
  .join('\n')}
return [${accumulators[0].join(', ')}];`,
  };
}

interface Fetch {
  input(row: number, column: number): string;
  weight(tap: number, lane: number): string;
}

function multiplyAdds(height: Axis, width: Axis, kernelWidth: number, lanes: number, fetch: Fetch): string {
  const text: string[] = [];
  const weights = new Set<number>();
  const used = LANES.slice(0, lanes);
  for (const row of offsets(height)) {
    for (const column of offsets(width)) {
      const x = `x${row + height.before}_${column + width.before}`;
      text.push(`const ${x} = ${fetch.input(row, column)};`);
      for (const { i, k: kh } of height.taps.filter((tap) => tap.offset === row)) {
        for (const { i: j, k: kw } of width.taps.filter((tap) => tap.offset === column)) {
          const tap = kh * kernelWidth + kw;
          const w = (lane: number) => `w${tap}_${lane}`;
          if (!weights.has(tap)) {
            weights.add(tap);
            for (const lane of used) text.push(`const ${w(lane)} = ${fetch.weight(tap, lane)};`);
          }
          for (const lane of LANES) {
            const products = used.map((from) => `${x}[${from}] * ${w(from)}[${lane}]`);
            text.push(`a${i * width.tile + j}_${lane} += ${products.join(' + ')};`);
          }
        }
      }
    }
  }
  return text.join('\n');
}

function offsets(axis: Axis): number[] {
  return [...new Set(axis.taps.map((tap) => tap.offset))].sort((a, b) => a - b);
}
