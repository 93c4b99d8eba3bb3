/** What GL does in four lanes: tiled products and convolutions, and activations that stay packed between ops. */
import { convGeometry, pool2d } from '../../../bench/workload/shapes.ts';
import type {
  BatchNormGeometry,
  BinaryOp,
  Conv2dGeometry,
  Device,
  MatmulGeometry,
  Storage,
  UnaryGradOp,
  UnaryOp,
} from '../../../lib/devices/device.ts';
import type { Generator } from '../../../lib/tensor/random.ts';
import type { Case } from '../case.ts';
import { between, pick, wide as values } from '../drawing.ts';

const BATCH = 2;
const SIZE = 6;
const SPATIAL = SIZE * SIZE;

function convolution(options: Partial<Conv2dGeometry>): Conv2dGeometry {
  return convGeometry({
    batch: BATCH,
    inChannels: 4,
    inHeight: SIZE,
    inWidth: SIZE,
    outChannels: 4,
    kernelHeight: 1,
    kernelWidth: 1,
    ...options,
  });
}

/** Values that a convolution left: `[BATCH, channels, SIZE, SIZE]`, packed on GL. */
function activation(device: Device, random: Generator, channels: number, low = -2, high = 2): Storage {
  const x = device.upload(values(random, BATCH * channels * SPATIAL, low, high));
  const identity = new Float32Array(channels * channels);
  for (let c = 0; c < channels; c++) identity[c * channels + c] = 1;
  const w = device.upload(identity);
  const y = device.conv2d(x, w, null, convolution({ inChannels: channels, outChannels: channels }));
  for (const storage of [x, w]) device.free(storage);
  return y;
}

/** Each op's results, and what it was given. */
const dense = (...inputs: number[]) => ({ shape: [inputs[0]], strides: inputs.map(() => [1]) });

const UNARY: readonly [UnaryOp, number][] = [
  ['relu', 0],
  ['leakyRelu', 0.1],
  ['tanh', 0],
  ['softplus', 0],
  ['powScalar', 2],
  ['addScalar', 1.5],
];
const GRADS: readonly [UnaryGradOp, number][] = [
  ['relu', 0],
  ['leakyRelu', 0.1],
  ['sigmoid', 0],
  ['minScalar', 0.5],
];
const BINARY: readonly BinaryOp[] = ['add', 'sub', 'mul', 'div', 'maximum', 'lt'];

const elementwise: readonly Case[] = [
  {
    name: 'elementwise ops of activations',
    run(device, random) {
      const [a, b] = [activation(device, random, 8), activation(device, random, 8, 0.5, 2)];
      const flat = device.upload(values(random, a.length, 0.5, 2));
      const geometry = dense(a.length, b.length);
      return [
        a,
        b,
        flat,
        ...UNARY.map(([op, alpha]) => device.unary(op, a, alpha)),
        ...GRADS.map(([op, alpha]) => device.unaryGrad(op, a, flat, alpha)),
        ...BINARY.flatMap((op) => [device.binary(op, a, b, geometry), device.binary(op, a, flat, geometry)]),
        device.binary('mul', a, flat, {
          shape: [BATCH, 8 * SPATIAL],
          strides: [
            [8 * SPATIAL, 1],
            [0, 1],
          ],
        }),
        device.reduce('sum', a, { shape: [BATCH * 8, SPATIAL], reduced: [false, true] }),
      ];
    },
  },
];

const normalisation: readonly Case[] = [false, true].flatMap((affine) =>
  [false, true].map(
    (training): Case => ({
      name: `batch norm of activations${affine ? ', affine' : ''}${training ? ', training' : ''}`,
      run(device, random) {
        const channels = pick(random, [4, 8, 12]);
        const plane = { batch: BATCH, channels, spatial: SPATIAL };
        const g: BatchNormGeometry = { ...plane, channels: [channels], eps: 1e-3, relu: training };
        const x = activation(device, random, channels, 3, 5);
        const dy = activation(device, random, channels);
        const weight = affine ? device.upload(values(random, channels)) : null;
        const bias = affine ? device.upload(values(random, channels)) : null;
        const { mean, variance } = device.batchNormStatistics(x, plane);
        const operands = { mean, variance, weight, bias, residual: null };
        const y = device.batchNorm([x], operands, g);
        const grads = device.batchNormGrad(dy, [x], operands, { ...g, training });
        const parameters = [weight, bias].filter((storage) => storage !== null);
        return [x, dy, ...parameters, mean, variance, y, ...grads.inputs, grads.weight, grads.bias];
      },
    }),
  ),
);

const pools: readonly Case[] = (
  [
    [2, 2, 0],
    [3, 2, 1],
    [2, 3, 0],
  ] as const
).map(
  ([kernel, stride, padding]): Case => ({
    name: `pooling of activations, kernel ${kernel}, stride ${stride}, padding ${padding}`,
    run(device, random) {
      const g = pool2d(BATCH, 8, SIZE, [kernel, stride, padding]);
      const average = { ...g, countIncludePad: false, divisorOverride: 0 };
      const x = activation(device, random, 8);
      const { output, indices } = device.maxPool2d(x, g);
      const mean = device.avgPool2d(x, average);
      return [
        x,
        output,
        indices,
        mean,
        device.maxPool2dGrad(output, indices, g),
        device.avgPool2dGrad(mean, average),
      ];
    },
  }),
);

const layout: readonly Case[] = [
  {
    name: 'concatenation and slices of activations',
    run(device, random) {
      const [a, b] = [activation(device, random, 8), activation(device, random, 4)];
      const flat = device.upload(values(random, BATCH * 4 * SPATIAL));
      const odd = device.upload(values(random, BATCH * 3 * SPATIAL));
      const whole = device.concat([a, b, flat], { outer: BATCH, sizes: [8, 4, 4], inner: SPATIAL });
      const strides = [16 * SPATIAL, SPATIAL, SIZE, 1];
      const slice = (channels: number, first: number) =>
        device.strided(whole, {
          shape: [BATCH, channels, SIZE, SIZE],
          strides,
          offset: first * SPATIAL,
        });
      return [
        a,
        b,
        flat,
        odd,
        whole,
        device.concat([a, odd], { outer: BATCH, sizes: [8, 3], inner: SPATIAL }),
        device.concat([a, b], { outer: 1, sizes: [a.length, b.length], inner: 1 }),
        slice(8, 4),
        slice(3, 4),
        slice(4, 2),
        device.strided(a, { shape: [8, BATCH, SPATIAL], strides: [SPATIAL, 8 * SPATIAL, 1], offset: 0 }),
      ];
    },
  },
];

const GEOMETRIES: Readonly<Record<string, Partial<Conv2dGeometry>>> = {
  '3x3': {
    inChannels: 8,
    outChannels: 12,
    kernelHeight: 3,
    kernelWidth: 3,
    paddingHeight: 1,
    paddingWidth: 1,
  },
  '1x1 image': {
    inHeight: 1,
    inWidth: 1,
    kernelHeight: 3,
    kernelWidth: 3,
    paddingHeight: 1,
    paddingWidth: 1,
  },
  'stride beyond kernel': { inHeight: 9, inWidth: 8, kernelHeight: 2, strideHeight: 3, strideWidth: 2 },
  'one-pixel stride 2': { outChannels: 8, strideHeight: 2, strideWidth: 2 },
  stem: {
    inChannels: 3,
    inHeight: 20,
    inWidth: 18,
    outChannels: 16,
    kernelHeight: 7,
    kernelWidth: 7,
    strideHeight: 2,
    strideWidth: 2,
    paddingHeight: 3,
    paddingWidth: 3,
  },
  asymmetric: {
    inHeight: 11,
    inWidth: 10,
    inChannels: 6,
    outChannels: 7,
    kernelHeight: 3,
    kernelWidth: 5,
    strideWidth: 2,
    paddingHeight: 2,
    paddingWidth: 1,
    dilationHeight: 2,
  },
  'one channel, batch 1': { batch: 1, inChannels: 1, outChannels: 1, kernelHeight: 2, kernelWidth: 3 },
  'large kernel': {
    inHeight: 12,
    inWidth: 9,
    inChannels: 5,
    outChannels: 4,
    kernelHeight: 6,
    kernelWidth: 5,
    paddingHeight: 2,
    paddingWidth: 2,
  },
  'stride that no tile holds': {
    inHeight: 13,
    inWidth: 13,
    kernelHeight: 3,
    kernelWidth: 3,
    strideHeight: 4,
    strideWidth: 4,
  },
  grouped: { inChannels: 8, outChannels: 8, groups: 2, kernelHeight: 3, kernelWidth: 3, paddingHeight: 1 },
};

const convolutions: readonly Case[] = Object.entries(GEOMETRIES).map(([name, options]) => ({
  name: `convolution, ${name}`,
  run(device, random) {
    const g = convolution(options);
    const x = device.upload(values(random, g.batch * g.inChannels * g.inHeight * g.inWidth));
    const taps = g.kernelHeight * g.kernelWidth;
    const w = device.upload(values(random, (g.outChannels * g.inChannels * taps) / g.groups));
    const bias = device.upload(values(random, g.outChannels));
    const y = device.conv2d(x, w, bias, g);
    return [
      x,
      w,
      bias,
      y,
      device.conv2d(x, w, null, g),
      device.conv2dInputGrad(y, w, g),
      device.conv2dWeightGrad(x, y, g),
    ];
  },
}));

const chained: Case = {
  name: 'convolutions of activations',
  run(device, random) {
    const x = activation(device, random, 8);
    const w = device.upload(values(random, 16 * 8 * 9, -0.5, 0.5));
    const g = convolution({
      inChannels: 8,
      outChannels: 16,
      kernelHeight: 3,
      kernelWidth: 3,
      paddingHeight: 1,
      paddingWidth: 1,
      strideHeight: 2,
      strideWidth: 2,
    });
    const y = device.conv2d(x, w, null, g);
    return [x, w, y, device.conv2dInputGrad(y, w, g), device.conv2dWeightGrad(x, y, g)];
  },
};

const products: readonly Case[] = [false, true].flatMap((transposeA) =>
  [false, true].map(
    (transposeB): Case => ({
      name: `product${transposeA ? ', a transposed' : ''}${transposeB ? ', b transposed' : ''}`,
      run(device, random) {
        const [m, n, k] = [between(random, 1, 33), between(random, 1, 20), between(random, 1, 40)];
        const [batchStrideA, batchStrideB] = [pick(random, [0, m * k]), pick(random, [0, k * n])];
        const g: MatmulGeometry = {
          batch: 3,
          m,
          n,
          k,
          transposeA,
          transposeB,
          batchStrideA,
          batchStrideB,
        };
        const a = device.upload(values(random, 3 * m * k));
        const b = device.upload(values(random, 3 * k * n));
        const bias = device.upload(values(random, n));
        return [a, b, bias, device.matmul(a, b, bias, g), device.matmul(a, b, null, g)];
      },
    }),
  ),
);

export const PACKED_CORNERS: readonly Case[] = [
  ...elementwise,
  ...normalisation,
  ...pools,
  ...layout,
  ...convolutions,
  chained,
  ...products,
];
