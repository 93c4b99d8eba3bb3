/** Products and convolutions at sizes that cross the tiles and blocks of every micro-kernel, on 1, 2 and 3 threads. */
import { test } from 'uvu';
import type { Conv2dGeometry, Device, MatmulGeometry } from '../../../../lib/devices/device.ts';
import { createWasmDevice } from '../../../../lib/devices/wasm/device.ts';
import { Generator } from '../../../../lib/tensor/random.ts';
import { VARIANTS } from '../../../devices/wasm/variants.ts';
import { close } from '../../../support/close-to.ts';
import { ReferenceDevice, type ReferenceStorage } from '../../../support/reference/device.ts';

/** Multiply-adds of a case at most: the reference does about ten million a second. */
const MOST = 3e6;
const TOLERANCE = 2e-5;
/** What lies in the memory that a case gets: nothing may depend on it. */
const NANS = new Float32Array(2 ** 20).fill(Number.NaN);

interface Case {
  readonly name: string;
  readonly inputs: readonly Float32Array[];
  run(device: Device, inputs: readonly ReferenceStorage[]): readonly ReferenceStorage[];
}

const random = new Generator(7);
const pick = <T>(from: readonly T[]): T => from[random.integer(from.length)];
const values = (length: number) => random.uniform(length, -1, 1);

/** Draws until the case is small enough. */
function draw<G>(make: () => G, work: (geometry: G) => number): G {
  for (;;) {
    const geometry = make();
    const amount = work(geometry);
    if (amount > 0 && amount <= MOST) return geometry;
  }
}

function matmulCase(): Case {
  const g: MatmulGeometry = draw(
    () => {
      const [m, n] = [pick([1, 3, 5, 6, 7, 8, 63, 65, 131]), pick([1, 4, 7, 8, 9, 15, 17, 48, 257, 530])];
      const [k, batch] = [pick([1, 2, 5, 160, 319, 320, 321, 643]), pick([1, 1, 2, 3])];
      const [batchStrideA, batchStrideB] = [pick([0, m * k]), pick([0, k * n])];
      const [transposeA, transposeB] = [pick([true, false]), pick([true, false])];
      return { batch, m, n, k, transposeA, transposeB, batchStrideA, batchStrideB };
    },
    ({ batch, m, n, k }) => batch * m * n * k,
  );
  const hasBias = pick([true, false]);
  return {
    name: `matmul ${JSON.stringify({ ...g, hasBias })}`,
    inputs: [values(g.batch * g.m * g.k), values(g.batch * g.k * g.n), values(g.n)],
    run: (device, [a, b, bias]) => [device.matmul(a, b, hasBias ? bias : null, g) as ReferenceStorage],
  };
}

function drawConvolution(): Conv2dGeometry {
  const groups = pick([1, 1, 1, 1, 2, 5]);
  return drawWindows({
    groups,
    inChannels: groups * pick([1, 2, 3, 7, 36, 130]),
    outChannels: groups * pick([1, 2, 3, 5, 6, 13, 64, 67]),
  });
}

/** One input channel a group. */
function drawDepthwise(): Conv2dGeometry {
  const groups = pick([1, 2, 5, 19]);
  return drawWindows({ groups, inChannels: groups, outChannels: groups * pick([1, 1, 2, 3]) });
}

function drawWindows(
  channels: Pick<Conv2dGeometry, 'groups' | 'inChannels' | 'outChannels'>,
): Conv2dGeometry {
  const [kernelHeight, kernelWidth] = [pick([1, 2, 3, 3, 5, 7]), pick([1, 2, 3, 3, 4, 7])];
  const [strideHeight, strideWidth] = [pick([1, 1, 2, 3]), pick([1, 1, 2, 3])];
  const [dilationHeight, dilationWidth] = [pick([1, 1, 2]), pick([1, 1, 3])];
  const [paddingHeight, paddingWidth] = [pick([0, 1, 2, 3]), pick([0, 1, 2, 3])];
  const [inHeight, inWidth] = [pick([1, 4, 7, 9, 14, 31]), pick([1, 3, 7, 8, 16, 29])];
  const out = (size: number, padding: number, kernel: number, dilation: number, stride: number) =>
    Math.max(0, Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1);
  return {
    ...channels,
    batch: pick([1, 2, 5]),
    inHeight,
    inWidth,
    outHeight: out(inHeight, paddingHeight, kernelHeight, dilationHeight, strideHeight),
    outWidth: out(inWidth, paddingWidth, kernelWidth, dilationWidth, strideWidth),
    kernelHeight,
    kernelWidth,
    strideHeight,
    strideWidth,
    paddingHeight,
    paddingWidth,
    dilationHeight,
    dilationWidth,
  };
}

const multiplyAdds = (g: Conv2dGeometry): number =>
  (g.batch * g.outChannels * g.outHeight * g.outWidth * g.inChannels * g.kernelHeight * g.kernelWidth) /
  g.groups;

function convolutionCase(geometry?: Conv2dGeometry): Case {
  const g = geometry ?? draw(drawConvolution, multiplyAdds);
  const [hasBias, hasResidual, relu] = [0, 1, 2].map(() => pick([true, false]));
  const weights = (g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth) / g.groups;
  return {
    name: `conv2d ${JSON.stringify({ ...g, hasBias, hasResidual, relu })}`,
    inputs: [
      values(g.batch * g.inChannels * g.inHeight * g.inWidth),
      values(weights),
      values(g.outChannels),
      values(g.batch * g.outChannels * g.outHeight * g.outWidth),
    ],
    run: (device, [x, weight, bias, dy]) =>
      [
        device.conv2d(x, weight, hasBias ? bias : null, g, { residual: hasResidual ? dy : null, relu }),
        device.conv2dInputGrad(dy, weight, g),
        device.conv2dWeightGrad(x, dy, g),
      ] as ReferenceStorage[],
  };
}

const square = (inChannels: number, outChannels: number, size: number, kernel: number): Conv2dGeometry => ({
  batch: 3,
  inChannels,
  inHeight: size,
  inWidth: size,
  outChannels,
  outHeight: size,
  outWidth: size,
  kernelHeight: kernel,
  kernelWidth: kernel,
  strideHeight: 1,
  strideWidth: 1,
  paddingHeight: kernel >> 1,
  paddingWidth: kernel >> 1,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
});

const reference = new ReferenceDevice();
const CASES = [
  ...Array.from({ length: 40 }, matmulCase),
  ...Array.from({ length: 60 }, () => convolutionCase()),
  ...Array.from({ length: 60 }, () => convolutionCase(draw(drawDepthwise, multiplyAdds))),
  convolutionCase(square(290, 5, 7, 3)),
  convolutionCase(square(3, 290, 12, 3)),
  convolutionCase(square(600, 8, 14, 1)),
  convolutionCase(square(4, 5, 56, 3)),
  convolutionCase(square(33, 35, 13, 3)),
  convolutionCase(square(16, 70, 16, 3)),
  convolutionCase(square(66, 65, 9, 3)),
  convolutionCase(square(18, 17, 45, 3)),
  convolutionCase(square(17, 16, 1, 3)),
  convolutionCase({ ...square(20, 24, 9, 3), inWidth: 27, outWidth: 29, paddingWidth: 2 }),
  convolutionCase({
    ...square(24, 18, 12, 3),
    outHeight: 10,
    outWidth: 10,
    paddingHeight: 0,
    paddingWidth: 0,
  }),
].map((item) => ({
  ...item,
  expected: item
    .run(
      reference as Device,
      item.inputs.map((data) => reference.upload(data)),
    )
    .map((output) => output.data),
}));

for (const variant of VARIANTS) {
  for (const threads of [1, 2, 3]) {
    test(`${variant}, ${threads} threads: products equal naive loops`, async () => {
      const device = await createWasmDevice({ threads, variant });
      const on = device as unknown as Device<ReferenceStorage>;
      for (const { name, inputs, run, expected } of CASES) {
        on.free(on.upload(NANS));
        const storages = inputs.map((data) => on.upload(data));
        const outputs = run(on as Device, storages);
        outputs.forEach((output, i) => {
          const largest = expected[i].reduce((most, x) => Math.max(most, Math.abs(x)), 1);
          close(`${name}: result ${i}`, on.readSync(output), expected[i], { atol: TOLERANCE * largest });
        });
        for (const storage of [...storages, ...outputs]) on.free(storage);
      }
      if (device.memory().bytesInUse !== 0) throw new Error(`${device.memory().bytesInUse} bytes in use`);
      await device.dispose();
    });
  }
}

test.run();
