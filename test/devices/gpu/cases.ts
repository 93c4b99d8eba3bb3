import {
  type BinaryOp,
  type Conv2dGeometry,
  DERIVATIVE_FROM,
  type Device,
  type ReduceOp,
  type Storage,
  type UnaryGradOp,
} from '../../../lib/devices/device.ts';
import { UNARY } from '../../devices/draws-tensors.ts';

/** Runs primitives on a device; the same seed gives the same inputs and geometries on every device. */
export interface Case {
  readonly name: string;
  run(device: Device, random: Random): Storage[];
}

/** A small generator of test data: mulberry32. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from low to high, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  values(length: number, low = -2, high = 2): Float32Array {
    return Float32Array.from({ length }, () => low + this.next() * (high - low));
  }

  pick<T>(options: readonly T[]): T {
    return options[this.integer(0, options.length - 1)];
  }
}

const POSITIVE = new Set<string>(['log', 'sqrt', 'reciprocal']);
const BINARY: readonly BinaryOp[] = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'maximum',
  'minimum',
  'eq',
  'ne',
  'gt',
  'ge',
  'lt',
  'le',
];
const ALPHAS: Partial<Record<string, readonly number[]>> = {
  leakyRelu: [0.1],
  addScalar: [1.5, -2],
  mulScalar: [-0.5],
  powScalar: [-2, -1, 0, 0.5, 1, 2, 3, 4, 5, 2.5, -1.5],
  maxScalar: [0.25],
  minScalar: [0.25],
};

const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
const contiguous = (shape: readonly number[]) => shape.map((_, axis) => size(shape.slice(axis + 1)));

/** 0 to `rank` axes of 1 to `most`. */
function shapeOf(random: Random, rank: number, most: number): number[] {
  return Array.from({ length: random.integer(1, rank) }, () => random.integer(1, most));
}

const unary: Case[] = UNARY.flatMap((op) =>
  (ALPHAS[op] ?? [0]).map((alpha) => ({
    name: `${op}${ALPHAS[op] ? ` ${alpha}` : ''}`,
    run(device, random) {
      const positive = POSITIVE.has(op) || (op === 'powScalar' && !Number.isInteger(alpha));
      const x = random.values(random.integer(1, 700), positive ? 0.05 : -4, 4);
      if (op === 'powScalar' && alpha < 0) for (let i = 0; i < x.length; i++) x[i] += Math.sign(x[i]) * 0.2;
      return [device.unary(op, device.upload(x), alpha)];
    },
  })),
);

const unaryGrad: Case[] = (Object.keys(DERIVATIVE_FROM) as UnaryGradOp[]).flatMap((op) =>
  (ALPHAS[op] ?? [0]).map((alpha) => ({
    name: `${op}Grad${ALPHAS[op] ? ` ${alpha}` : ''}`,
    run(device, random) {
      const n = random.integer(1, 700);
      const positive = POSITIVE.has(op) || op === 'powScalar';
      const dy = device.upload(random.values(n));
      return [device.unaryGrad(op, dy, device.upload(random.values(n, positive ? 0.2 : -2, 2)), alpha)];
    },
  })),
);

/** Output axes, and for each operand strides that are 0 here and there. */
function broadcast(random: Random, operands: number) {
  const shape = shapeOf(random, 5, 6);
  const inputs = Array.from({ length: operands }, () => {
    const own = shape.map((n) => (random.next() < 0.3 ? 1 : n));
    const strides = contiguous(own).map((stride, axis) => (own[axis] === 1 ? 0 : stride));
    return { length: size(own), strides };
  });
  return {
    geometry: { shape, strides: inputs.map((input) => input.strides) },
    lengths: inputs.map((i) => i.length),
  };
}

const binary: Case[] = BINARY.flatMap((op) => [
  {
    name: `${op} of equal shapes`,
    run(device, random) {
      const n = random.integer(1, 900);
      const a = random.values(n, op === 'pow' ? 0.1 : -2, 2);
      const b = random.values(n, op === 'div' ? 0.3 : -2, 2);
      for (let i = 0; i < n; i += 3) b[i] = op === 'div' || op === 'pow' ? b[i] : a[i];
      return [device.binary(op, device.upload(a), device.upload(b), { shape: [n], strides: [[1], [1]] })];
    },
  },
  {
    name: `${op} broadcast`,
    run(device, random) {
      const { geometry, lengths } = broadcast(random, 2);
      const a = device.upload(random.values(lengths[0], op === 'pow' ? 0.1 : -2, 2));
      const b = device.upload(random.values(lengths[1], op === 'div' ? 0.3 : -2, 2));
      return [device.binary(op, a, b, geometry)];
    },
  },
]);

const reduce: Case[] = (['sum', 'max', 'min', 'argmax'] as ReduceOp[]).flatMap((op) => [
  {
    name: `${op} of alternating axes`,
    run(device, random) {
      const shape = shapeOf(random, 5, 7);
      const first = random.next() < 0.5;
      const reduced = shape.map((_, axis) => (axis % 2 === 0) === first);
      return [device.reduce(op, device.upload(random.values(size(shape))), { shape, reduced })];
    },
  },
  {
    name: `${op} of many`,
    run(device, random) {
      const n = random.integer(3000, 70000);
      const x = random.values(n, 0, 1);
      for (let i = 0; i < n; i += 7) x[i] = 0.5;
      return [device.reduce(op, device.upload(x), { shape: [n], reduced: [true] })];
    },
  },
  {
    name: `${op} of columns`,
    run(device, random) {
      const shape = [random.integer(300, 1200), random.integer(1, 9)];
      return [
        device.reduce(op, device.upload(random.values(size(shape))), { shape, reduced: [true, false] }),
      ];
    },
  },
]);

const layout: Case[] = [
  {
    name: 'where',
    run(device, random) {
      const { geometry, lengths } = broadcast(random, 3);
      const condition = random.values(lengths[0]).map((v) => (v > 0 ? 1 : 0));
      const [a, b] = [lengths[1], lengths[2]].map((length) => device.upload(random.values(length)));
      return [device.where(device.upload(condition), a, b, geometry)];
    },
  },
  { name: 'fill', run: (device, random) => [device.fill(random.integer(1, 999), random.next())] },
  {
    name: 'strided: a permutation',
    run(device, random) {
      const shape = Array.from({ length: random.integer(1, 6) }, () => random.integer(1, 5));
      const order = shape.map((_, axis) => axis);
      for (let i = order.length - 1; i > 0; i--) {
        const j = random.integer(0, i);
        [order[i], order[j]] = [order[j], order[i]];
      }
      const strides = contiguous(shape);
      const x = device.upload(random.values(size(shape)));
      const geometry = {
        shape: order.map((a) => shape[a]),
        strides: order.map((a) => strides[a]),
        offset: 0,
      };
      return [device.strided(x, geometry)];
    },
  },
  {
    name: 'strided: a slice, flipped here and there, expanded',
    run(device, random) {
      const from = shapeOf(random, 4, 8);
      let offset = 0;
      const shape: number[] = [];
      const strides: number[] = [];
      contiguous(from).forEach((stride, axis) => {
        const n = random.integer(1, from[axis]);
        const start = random.integer(0, from[axis] - n);
        const flip = random.next() < 0.4;
        offset += (flip ? start + n - 1 : start) * stride;
        shape.push(n);
        strides.push(flip ? -stride : stride);
        if (random.next() < 0.3) {
          shape.push(random.integer(1, 3));
          strides.push(0);
        }
      });
      return [device.strided(device.upload(random.values(size(from))), { shape, strides, offset })];
    },
  },
  {
    name: 'pad',
    run(device, random) {
      const shape = shapeOf(random, 5, 5);
      const some = () => shape.map(() => random.pick([0, 0, 1, 2]));
      const geometry = { shape, before: some(), after: some(), interior: some(), value: random.next() };
      return [device.pad(device.upload(random.values(size(shape))), geometry)];
    },
  },
  ...[2, 5, 20].map(
    (count): Case => ({
      name: `concat of ${count}`,
      run(device, random) {
        const [outer, inner] = [random.integer(1, 5), random.integer(1, 6)];
        const sizes = Array.from({ length: count }, () => random.integer(1, 4));
        const xs = sizes.map((n) => device.upload(random.values(outer * n * inner)));
        return [device.concat(xs, { outer, sizes, inner })];
      },
    }),
  ),
];

const matmul: Case[] = [0, 1, 2, 3].flatMap((transposes) =>
  [false, true].map((batched) => ({
    name: `matmul${transposes & 1 ? ' a^T' : ''}${transposes & 2 ? ' b^T' : ''}${batched ? ' batched' : ''}`,
    run(device, random) {
      const [m, n, k] = [random.integer(1, 40), random.integer(1, 40), random.integer(1, 70)];
      const batch = batched ? random.integer(2, 4) : 1;
      const shared = batched && random.next() < 0.5;
      const a = device.upload(random.values(batch * m * k));
      const b = device.upload(random.values((shared ? 1 : batch) * k * n));
      const bias = random.next() < 0.5 ? device.upload(random.values(n)) : null;
      const geometry = {
        ...{ batch, m, n, k, transposeA: (transposes & 1) > 0, transposeB: (transposes & 2) > 0 },
        ...{ batchStrideA: m * k, batchStrideB: shared ? 0 : k * n },
      };
      return [device.matmul(a, b, bias, geometry)];
    },
  })),
);

type Axis = { in: number; out: number; kernel: number; stride: number; padding: number; dilation: number };

/** A window along one axis that fits its input; with `pool`, padding is at most half the kernel. */
function windowAxis(random: Random, dilations: readonly number[], pool: boolean): Axis {
  for (;;) {
    const kernel = random.integer(1, 5);
    const dilation = random.pick(dilations);
    const padding = random.integer(0, pool ? Math.floor(kernel / 2) : 3);
    const stride = random.integer(1, 3);
    const input = random.integer(1, 12);
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

function convolution(random: Random, dilations: readonly number[], grouped: boolean): Conv2dGeometry {
  const groups = grouped ? random.integer(2, 3) : 1;
  return {
    ...axes(windowAxis(random, dilations, false), windowAxis(random, dilations, false)),
    ...{ batch: random.integer(1, 3), groups },
    ...{ inChannels: groups * random.integer(1, 6), outChannels: groups * random.integer(1, 6) },
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

function convolutionCases(name: string, geometryOf: (random: Random) => Conv2dGeometry): Case[] {
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
        const bias = random.next() < 0.5 ? device.upload(random.values(g.outChannels)) : null;
        const [x, w] = [sizes(g).x, sizes(g).w].map((n) => device.upload(random.values(n)));
        return [device.conv2d(x, w, bias, g)];
      },
    },
    {
      name: `conv2dInputGrad ${name}`,
      run(device, random) {
        const g = geometryOf(random);
        const [dy, w] = [sizes(g).y, sizes(g).w].map((n) => device.upload(random.values(n)));
        return [device.conv2dInputGrad(dy, w, g)];
      },
    },
    {
      name: `conv2dWeightGrad ${name}`,
      run(device, random) {
        const g = geometryOf(random);
        const [x, dy] = [sizes(g).x, sizes(g).y].map((n) => device.upload(random.values(n)));
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

const maps = (random: Random) => ({ batch: random.integer(1, 3), channels: random.integer(1, 5) });
const inputs = (g: { batch: number; channels: number; inHeight: number; inWidth: number }) =>
  g.batch * g.channels * g.inHeight * g.inWidth;
const outputs = (g: { batch: number; channels: number; outHeight: number; outWidth: number }) =>
  g.batch * g.channels * g.outHeight * g.outWidth;

function pooling(random: Random, dilations: readonly number[], ceil: boolean) {
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
      const x = random.values(inputs(g)).map((v) => Math.round(v * 2));
      const { output, indices } = device.maxPool2d(device.upload(x), g);
      return [output, indices, device.maxPool2dGrad(device.upload(random.values(outputs(g))), indices, g)];
    },
  },
  ...[0, 3].flatMap((divisorOverride) =>
    [true, false].map(
      (countIncludePad): Case => ({
        name: `avgPool2d${ceil ? ' ceil' : ''} / ${divisorOverride}${countIncludePad ? '' : ' without padding'}`,
        run(device, random) {
          const g = pooling(random, [1], ceil);
          const geometry = { ...g, countIncludePad, divisorOverride };
          const y = device.avgPool2d(device.upload(random.values(inputs(g))), geometry);
          return [y, device.avgPool2dGrad(device.upload(random.values(outputs(g))), geometry)];
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
      ...{ inHeight: random.integer(1, 13), inWidth: random.integer(1, 13) },
      ...{ outHeight: random.integer(1, most), outWidth: random.integer(1, most) },
    };
    const y = device.adaptiveAvgPool2d(device.upload(random.values(inputs(g))), g);
    return [y, device.adaptiveAvgPool2dGrad(device.upload(random.values(outputs(g))), g)];
  },
}));

const batchNorm: Case[] = [true, false].flatMap((training) =>
  [true, false].map((affine) => ({
    name: `batchNorm${training ? '' : ' by running statistics'}${affine ? '' : ' without weight'}`,
    run(device, random) {
      const g = {
        ...{ batch: random.integer(1, 4), channels: random.integer(1, 7) },
        spatial: random.pick([1, 5, 49, 300, 700]),
      };
      const geometry = { ...g, channels: [g.channels], eps: 1e-5, relu: false };
      const n = g.batch * g.channels * g.spatial;
      const x = device.upload(random.values(n, 0.5, 3));
      const dy = device.upload(random.values(n));
      const weight = affine ? device.upload(random.values(g.channels)) : null;
      const bias = affine ? device.upload(random.values(g.channels)) : null;
      const own = device.batchNormStatistics(x, g);
      const wide = g.batch * g.spatial > 4;
      const mean = training && wide ? own.mean : device.upload(random.values(g.channels));
      const variance = training && wide ? own.variance : device.upload(random.values(g.channels, 0.5, 2));
      const operands = { mean, variance, weight, bias, residual: null };
      const grads = device.batchNormGrad(dy, [x], operands, { ...geometry, training });
      const y = device.batchNorm([x], operands, geometry);
      return [own.mean, own.variance, y, ...grads.inputs, grads.weight, grads.bias];
    },
  })),
);

const optimizers: Case[] = [
  ...[0, 0.9].flatMap((momentum) =>
    [false, true].flatMap((nesterov) =>
      [false, true].map(
        (maximize): Case => ({
          name: `sgdStep momentum ${momentum}${nesterov ? ' nesterov' : ''}${maximize ? ' maximize' : ''}`,
          run(device, random) {
            const n = random.integer(1, 500);
            const dampening = nesterov ? 0 : 0.1;
            const step = {
              lr: 0.1,
              momentum,
              dampening,
              weightDecay: 0.01,
              nesterov: nesterov && momentum > 0,
              maximize,
            };
            const grads = [random.values(n), random.values(n)].map((values) => device.upload(values));
            const first = device.sgdStep(device.upload(random.values(n)), grads[0], null, step);
            const second = device.sgdStep(first.param, grads[1], first.velocity, { ...step, lr: 0.05 });
            return second.velocity ? [second.param, second.velocity] : [second.param];
          },
        }),
      ),
    ),
  ),
  ...[false, true].map(
    (decoupled): Case => ({
      name: `adamStep${decoupled ? ' decoupled' : ''}`,
      run(device, random) {
        const n = random.integer(1, 500);
        const step = { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1, decoupled };
        let state = {
          param: device.upload(random.values(n)),
          mean: device.fill(n, 0),
          square: device.fill(n, 0),
        };
        for (const number of [1, 2, 3]) {
          const grad = device.upload(random.values(n));
          state = device.adamStep(state.param, grad, state.mean, state.square, { ...step, step: number });
        }
        return [state.param, state.mean, state.square];
      },
    }),
  ),
];

/** Every primitive of the contract. */
export const CASES: readonly Case[] = [
  ...unary,
  ...unaryGrad,
  ...binary,
  ...reduce,
  ...layout,
  ...matmul,
  ...conv,
  ...pool,
  ...adaptive,
  ...batchNorm,
  ...optimizers,
];
