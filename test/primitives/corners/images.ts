/** Windows of every kind, and the convolutions that networks are made of. */
import type { Conv2dGeometry } from '../../../lib/devices/device.ts';
import type { Generator } from '../../../lib/tensor/random.ts';
import type { Case } from '../case.ts';
import { between, pick, wide as values } from '../drawing.ts';

type Axis = { in: number; out: number; kernel: number; stride: number; padding: number; dilation: number };

/** A window along one axis that fits its input; with `pool`, padding is at most half the kernel. */
function windowAxis(random: Generator, dilations: readonly number[], pool: boolean): Axis {
  for (;;) {
    const kernel = between(random, 1, 5);
    const dilation = pick(random, dilations);
    const padding = between(random, 0, pool ? Math.floor(kernel / 2) : 3);
    const stride = between(random, 1, 3);
    const input = between(random, 1, 12);
    const span = input + 2 * padding - dilation * (kernel - 1) - 1;
    if (span < 0) continue;
    return { in: input, out: Math.floor(span / stride) + 1, kernel, stride, padding, dilation };
  }
}

const axes = (y: Axis, x: Axis) => ({
  ...{ inHeight: y.in, inWidth: x.in, outHeight: y.out, outWidth: x.out },
  ...{ kernelHeight: y.kernel, kernelWidth: x.kernel, strideHeight: y.stride, strideWidth: x.stride },
  ...{ paddingHeight: y.padding, paddingWidth: x.padding },
  ...{ dilationHeight: y.dilation, dilationWidth: x.dilation },
});

function convolution(random: Generator, dilations: readonly number[], grouped: boolean): Conv2dGeometry {
  const groups = grouped ? between(random, 2, 3) : 1;
  return {
    ...axes(windowAxis(random, dilations, false), windowAxis(random, dilations, false)),
    ...{ batch: between(random, 1, 3), groups },
    ...{ inChannels: groups * between(random, 1, 6), outChannels: groups * between(random, 1, 6) },
  };
}

/** The shapes that networks are made of: 3x3 and 1x1, stride 1 and 2, a stem, on maps of some size. */
const FAMILIAR: readonly Conv2dGeometry[] = [
  { kernel: 3, stride: 1, padding: 1, channels: [8, 16] },
  { kernel: 3, stride: 2, padding: 1, channels: [12, 8] },
  { kernel: 1, stride: 1, padding: 0, channels: [16, 4] },
  { kernel: 1, stride: 2, padding: 0, channels: [6, 10] },
  { kernel: 7, stride: 2, padding: 3, channels: [3, 8] },
].map(({ kernel, stride, padding, channels }) => {
  const out = Math.floor((17 + 2 * padding - kernel) / stride) + 1;
  const axis = { in: 17, out, kernel, stride, padding, dilation: 1 };
  return { ...axes(axis, axis), batch: 3, groups: 1, inChannels: channels[0], outChannels: channels[1] };
});

function convolutionCases(name: string, geometryOf: (random: Generator) => Conv2dGeometry): Case[] {
  const sizes = (g: Conv2dGeometry) => ({
    x: g.batch * g.inChannels * g.inHeight * g.inWidth,
    y: g.batch * g.outChannels * g.outHeight * g.outWidth,
    w: (g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth) / g.groups,
  });
  return [
    {
      name: `conv2d ${name}`,
      run(device, random) {
        const g = geometryOf(random);
        const bias = random.random() < 0.5 ? device.upload(values(random, g.outChannels)) : null;
        const [x, w] = [sizes(g).x, sizes(g).w].map((n) => device.upload(values(random, n)));
        return [device.conv2d(x, w, bias, g)];
      },
    },
    {
      name: `conv2dInputGrad ${name}`,
      run(device, random) {
        const g = geometryOf(random);
        const [dy, w] = [sizes(g).y, sizes(g).w].map((n) => device.upload(values(random, n)));
        return [device.conv2dInputGrad(dy, w, g)];
      },
    },
    {
      name: `conv2dWeightGrad ${name}`,
      run(device, random) {
        const g = geometryOf(random);
        const [x, dy] = [sizes(g).x, sizes(g).y].map((n) => device.upload(values(random, n)));
        return [device.conv2dWeightGrad(x, dy, g)];
      },
    },
  ];
}

const conv: Case[] = [
  ...convolutionCases('of any window', (random) => convolution(random, [1], false)),
  ...convolutionCases('dilated', (random) => convolution(random, [2, 3], false)),
  ...convolutionCases('grouped', (random) => convolution(random, [1, 2], true)),
  ...FAMILIAR.flatMap((g) =>
    convolutionCases(`${g.kernelHeight}x${g.kernelWidth} stride ${g.strideHeight}`, () => g),
  ),
];

const maps = (random: Generator) => ({ batch: between(random, 1, 3), channels: between(random, 1, 5) });
const inputs = (g: { batch: number; channels: number; inHeight: number; inWidth: number }) =>
  g.batch * g.channels * g.inHeight * g.inWidth;
const outputs = (g: { batch: number; channels: number; outHeight: number; outWidth: number }) =>
  g.batch * g.channels * g.outHeight * g.outWidth;

function pooling(random: Generator, dilations: readonly number[], ceil: boolean) {
  const g = {
    ...maps(random),
    ...axes(windowAxis(random, dilations, true), windowAxis(random, dilations, true)),
  };
  const reaches = (out: number, stride: number, size: number, padding: number) =>
    ceil && out * stride < size + padding ? out + 1 : out;
  return {
    ...g,
    outHeight: reaches(g.outHeight, g.strideHeight, g.inHeight, g.paddingHeight),
    outWidth: reaches(g.outWidth, g.strideWidth, g.inWidth, g.paddingWidth),
  };
}

const pool: Case[] = [false, true].flatMap((ceil): Case[] => [
  {
    name: `maxPool2d${ceil ? ' ceil' : ''}`,
    run(device, random) {
      const g = pooling(random, [1, 2], ceil);
      const x = values(random, inputs(g)).map((v) => Math.round(v * 2));
      const { output, indices } = device.maxPool2d(device.upload(x), g);
      return [output, indices, device.maxPool2dGrad(device.upload(values(random, outputs(g))), indices, g)];
    },
  },
  ...[0, 3].flatMap((divisorOverride) =>
    [true, false].map(
      (countIncludePad): Case => ({
        name: `avgPool2d${ceil ? ' ceil' : ''} / ${divisorOverride}${countIncludePad ? '' : ' without padding'}`,
        run(device, random) {
          const g = pooling(random, [1], ceil);
          const geometry = { ...g, countIncludePad, divisorOverride };
          const y = device.avgPool2d(device.upload(values(random, inputs(g))), geometry);
          return [y, device.avgPool2dGrad(device.upload(values(random, outputs(g))), geometry)];
        },
      }),
    ),
  ),
]);

const adaptive: Case[] = [
  { name: 'adaptiveAvgPool2d', most: 9 },
  { name: 'adaptiveAvgPool2d to one', most: 1 },
].map(({ name, most }) => ({
  name,
  run(device, random) {
    const g = {
      ...maps(random),
      ...{ inHeight: between(random, 1, 13), inWidth: between(random, 1, 13) },
      ...{ outHeight: between(random, 1, most), outWidth: between(random, 1, most) },
    };
    const y = device.adaptiveAvgPool2d(device.upload(values(random, inputs(g))), g);
    return [y, device.adaptiveAvgPool2dGrad(device.upload(values(random, outputs(g))), g)];
  },
}));

export const IMAGE_CORNERS: readonly Case[] = [...conv, ...pool, ...adaptive];
