/** Random arguments for every primitive of the device contract: the mapped type wants a row for each. */
import type {
  BatchNormGeometry,
  BinaryOp,
  Conv2dGeometry,
  Device,
  MaxPool2dGeometry,
  Primitives,
  ReduceOp,
  Storage,
  UnaryGradOp,
  UnaryOp,
} from '../../lib/devices/device.ts';
import type { Generator } from '../../lib/tensor/random.ts';
import {
  broadcastGeometry,
  broadcastShapes,
  reduceGeometry,
  sizeOf,
  stridesOf,
} from '../../lib/tensor/shape.ts';

/** One call of a primitive: `call` gets the `inputs` as storages of the device. */
export interface Draw {
  readonly arguments: unknown;
  readonly inputs: readonly Float32Array[];
  call(device: Device, inputs: readonly Storage[]): readonly (Storage | null)[];
}

/** Sizes around the widths of vectors, tiles and blocks. */
const EDGES = [15, 16, 17, 31, 32, 33, 63, 64, 65];

const pick = <T>(random: Generator, from: readonly T[]): T => from[random.integer(from.length)];
const between = (random: Generator, low: number, high: number): number =>
  low + random.integer(high - low + 1);
const chance = (random: Generator, p: number): boolean => random.random() < p;

/** Mostly small, at times at an edge, never above `limit`. */
function size(random: Generator, limit = 65): number {
  const drawn = chance(random, 0.3) ? pick(random, EDGES) : between(random, 1, 9);
  return Math.min(drawn, limit);
}

/** Up to `rank` axes of 4096 values or less in all. */
function shape(random: Generator, rank = 5): number[] {
  let room = 4096;
  return Array.from({ length: between(random, 1, rank) }, () => {
    const drawn = Math.min(size(random), room);
    room = Math.floor(room / drawn);
    return drawn;
  });
}

const values = (random: Generator, length: number, low = -1, high = 1): Float32Array =>
  random.uniform(length, low, high);

const UNARY: readonly UnaryOp[] = [
  'abs',
  'sign',
  'exp',
  'log',
  'sqrt',
  'reciprocal',
  'relu',
  'leakyRelu',
  'sigmoid',
  'tanh',
  'softplus',
  'addScalar',
  'mulScalar',
  'powScalar',
  'maxScalar',
  'minScalar',
];
const UNARY_GRAD = UNARY.filter((op): op is UnaryGradOp => !['sign', 'addScalar', 'mulScalar'].includes(op));
const POSITIVE: readonly UnaryOp[] = ['log', 'sqrt', 'reciprocal', 'powScalar'];
const COMPARISONS: readonly BinaryOp[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'];
const ARITHMETIC: readonly BinaryOp[] = ['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum'];

const operand = (random: Generator, op: UnaryOp, length: number): Float32Array =>
  POSITIVE.includes(op) ? values(random, length, 0.3, 3) : values(random, length, -4, 4);

/** Operands of an elementwise op whose shapes broadcast, and their geometry. */
function broadcast(random: Generator, operands: number) {
  const target = shape(random);
  const shapes = Array.from({ length: operands }, () => {
    const dropped = chance(random, 0.2) ? random.integer(target.length + 1) : 0;
    return target.slice(dropped).map((n) => (chance(random, 0.3) ? 1 : n));
  });
  const geometry = broadcastGeometry(broadcastShapes('draw', ...shapes), shapes);
  return { geometry, lengths: shapes.map(sizeOf) };
}

function convolution(random: Generator): Conv2dGeometry {
  const groups = chance(random, 0.3) ? between(random, 2, 6) : 1;
  const depthwise = groups > 1 && chance(random, 0.5);
  const wide = groups === 1 && chance(random, 0.25);
  const inGroup = wide ? pick(random, EDGES) : depthwise ? 1 : size(random, groups > 1 ? 9 : 65);
  const outGroup = wide
    ? pick(random, EDGES)
    : depthwise
      ? between(random, 1, 2)
      : size(random, groups > 1 ? 9 : 65);
  const work = inGroup * outGroup * groups;
  const side = wide ? 11 : work > 600 ? 7 : work < 40 ? 50 : 17;
  const [kernelHeight, kernelWidth] = chance(random, 0.6)
    ? pick(random, [
        [1, 1],
        [3, 3],
        [3, 3],
        [5, 5],
        [7, 7],
      ])
    : [between(random, 1, 5), between(random, 1, 5)];
  const [strideHeight, strideWidth] = chance(random, 0.5)
    ? [1, 1]
    : [between(random, 1, 3), between(random, 1, 3)];
  const [dilationHeight, dilationWidth] = chance(random, 0.7)
    ? [1, 1]
    : [between(random, 1, 3), between(random, 1, 3)];
  const [paddingHeight, paddingWidth] = [between(random, 0, kernelHeight), between(random, 0, kernelWidth)];
  const least = (kernel: number, dilation: number, padding: number) =>
    Math.max(1, dilation * (kernel - 1) + 1 - 2 * padding);
  const inHeight = least(kernelHeight, dilationHeight, paddingHeight) + random.integer(side);
  const inWidth = least(kernelWidth, dilationWidth, paddingWidth) + random.integer(side);
  const out = (n: number, kernel: number, stride: number, padding: number, dilation: number) =>
    Math.floor((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
  return {
    batch: between(random, 1, 3),
    inChannels: inGroup * groups,
    inHeight,
    inWidth,
    outChannels: outGroup * groups,
    outHeight: out(inHeight, kernelHeight, strideHeight, paddingHeight, dilationHeight),
    outWidth: out(inWidth, kernelWidth, strideWidth, paddingWidth, dilationWidth),
    kernelHeight,
    kernelWidth,
    strideHeight,
    strideWidth,
    paddingHeight,
    paddingWidth,
    dilationHeight,
    dilationWidth,
    groups,
  };
}

function convolutionInputs(random: Generator, g: Conv2dGeometry) {
  return {
    x: values(random, g.batch * g.inChannels * g.inHeight * g.inWidth),
    weight: values(random, g.outChannels * (g.inChannels / g.groups) * g.kernelHeight * g.kernelWidth),
    bias: values(random, g.outChannels),
    dy: values(random, g.batch * g.outChannels * g.outHeight * g.outWidth),
  };
}

/** Windows as PyTorch allows them: at most half a kernel of padding, none that starts past the input. */
function pooling(random: Generator, dilated: boolean): MaxPool2dGeometry {
  const axis = () => {
    const kernel = between(random, 1, 4);
    const stride = between(random, 1, 4);
    const padding = random.integer(Math.floor(kernel / 2) + 1);
    const dilation = dilated ? between(random, 1, 2) : 1;
    const n = Math.max(1, dilation * (kernel - 1) + 1 - 2 * padding) + random.integer(12);
    const room = n + 2 * padding - dilation * (kernel - 1) - 1;
    const ceil = Math.ceil(room / stride) + 1;
    const up = chance(random, 0.5) && (ceil - 1) * stride < n + padding && dilation === 1;
    return { kernel, stride, padding, dilation, n, out: up ? ceil : Math.floor(room / stride) + 1 };
  };
  const [rows, columns] = [axis(), axis()];
  return {
    batch: between(random, 1, 3),
    channels: size(random, 17),
    inHeight: rows.n,
    inWidth: columns.n,
    outHeight: rows.out,
    outWidth: columns.out,
    kernelHeight: rows.kernel,
    kernelWidth: columns.kernel,
    strideHeight: rows.stride,
    strideWidth: columns.stride,
    paddingHeight: rows.padding,
    paddingWidth: columns.padding,
    dilationHeight: rows.dilation,
    dilationWidth: columns.dilation,
  };
}

type Planes = Pick<
  MaxPool2dGeometry,
  'batch' | 'channels' | 'inHeight' | 'inWidth' | 'outHeight' | 'outWidth'
>;
const planesIn = (g: Planes): number => g.batch * g.channels * g.inHeight * g.inWidth;
const planesOut = (g: Planes): number => g.batch * g.channels * g.outHeight * g.outWidth;

function averaging(random: Generator) {
  const { dilationHeight, dilationWidth, ...windows } = pooling(random, false);
  const divisorOverride = chance(random, 0.2) ? between(random, 1, 5) : 0;
  return { ...windows, countIncludePad: chance(random, 0.5), divisorOverride };
}

const adaptive = (random: Generator) => ({
  batch: between(random, 1, 3),
  channels: size(random, 17),
  inHeight: size(random, 17),
  inWidth: size(random, 17),
  outHeight: size(random, 9),
  outWidth: size(random, 9),
});

function normalisation(random: Generator) {
  const large = chance(random, 0.2);
  const parts = chance(random, 0.4) ? between(random, 2, 4) : 1;
  const g = {
    batch: between(random, 2, 5),
    channels: Array.from({ length: parts }, () => size(random, large ? 5 : Math.floor(65 / parts))),
    spatial: large ? between(random, 500, 5000) : size(random),
    eps: 1e-5,
    relu: chance(random, 0.5),
  };
  const channels = g.channels.reduce((sum, count) => sum + count);
  const length = g.batch * channels * g.spatial;
  const affine = chance(random, 0.7);
  const draw = {
    g,
    has: { weight: affine, bias: affine !== chance(random, 0.1), residual: chance(random, 0.4) },
    xs: g.channels.map((count) => values(random, g.batch * count * g.spatial, -1, 3)),
    dy: values(random, length),
    perChannel: [
      values(random, channels, 0, 2),
      values(random, channels, 0.5, 2),
      values(random, channels, 0.5, 2),
      values(random, channels, -1, 1),
    ],
    residual: values(random, length),
  };
  clearEdge(draw);
  return draw;
}

/** Moves values of xs where the ReLU's operand is so near 0 that rounding would decide on its gradient. */
function clearEdge({
  g,
  has,
  xs,
  perChannel: [mean, variance, weight, bias],
  residual,
}: {
  g: BatchNormGeometry;
  has: { weight: boolean; bias: boolean; residual: boolean };
  xs: readonly Float32Array[];
  perChannel: readonly Float32Array[];
  residual: Float32Array;
}): void {
  const total = mean.length;
  let first = 0;
  xs.forEach((x, part) => {
    const channels = g.channels[part];
    for (let i = 0; i < x.length; i++) {
      const [n, place] = [Math.floor(i / (channels * g.spatial)), i % (channels * g.spatial)];
      const c = first + Math.floor(place / g.spatial);
      const scale = (has.weight ? weight[c] : 1) / Math.sqrt(variance[c] + g.eps);
      const added = has.residual ? residual[(n * total + first) * g.spatial + place] : 0;
      const operand = (x[i] - mean[c]) * scale + (has.bias ? bias[c] : 0) + added;
      if (Math.abs(operand) < 1e-3) x[i] += 0.01;
    }
    first += channels;
  });
}

/** x as rows of [outer, n, inner] read with some axes turned round, repeated, or cut with a step. */
function strides(random: Generator) {
  const from = shape(random, 4);
  const own = stridesOf(from);
  let offset = 0;
  const axes = random.permutation(from.length).map((axis) => {
    const kind = random.integer(4);
    const n = from[axis];
    if (kind === 0) {
      const [start, step] = [random.integer(n), between(random, 1, 3)];
      offset += start * own[axis];
      return { size: Math.ceil((n - start) / step), stride: own[axis] * step };
    }
    if (kind === 1) {
      offset += (n - 1) * own[axis];
      return { size: n, stride: -own[axis] };
    }
    if (kind === 2 && n === 1) return { size: between(random, 1, 5), stride: 0 };
    return { size: n, stride: own[axis] };
  });
  const geometry = { shape: axes.map((a) => a.size), strides: axes.map((a) => a.stride), offset };
  return { geometry, length: sizeOf(from) };
}

const product = (random: Generator, limit: number) => {
  const g = {
    batch: chance(random, 0.4) ? between(random, 2, 4) : 1,
    m: size(random, limit),
    n: size(random, limit),
    k: chance(random, 0.1) ? between(random, 200, 400) : size(random, limit),
    transposeA: chance(random, 0.5),
    transposeB: chance(random, 0.5),
  };
  const [sharedA, sharedB] = [g.batch === 1 || chance(random, 0.3), g.batch === 1 || chance(random, 0.3)];
  return { ...g, batchStrideA: sharedA ? 0 : g.m * g.k, batchStrideB: sharedB ? 0 : g.k * g.n };
};

export const DRAWS: { readonly [P in keyof Primitives<Storage>]: (random: Generator) => Draw } = {
  fill: (random) => {
    const [length, value] = [sizeOf(shape(random)), values(random, 1)[0]];
    return { arguments: [length, value], inputs: [], call: (device) => [device.fill(length, value)] };
  },
  unary: (random) => {
    const [op, alpha] = [pick(random, UNARY), values(random, 1, -1.5, 1.5)[0]];
    const x = operand(random, op, sizeOf(shape(random)));
    return {
      arguments: [op, alpha, x.length],
      inputs: [x],
      call: (device, [x]) => [device.unary(op, x, alpha)],
    };
  },
  unaryGrad: (random) => {
    const [op, alpha] = [pick(random, UNARY_GRAD), values(random, 1, -1.5, 1.5)[0]];
    const saved = operand(random, op, sizeOf(shape(random)));
    return {
      arguments: [op, alpha, saved.length],
      inputs: [values(random, saved.length), saved],
      call: (device, [dy, saved]) => [device.unaryGrad(op, dy, saved, alpha)],
    };
  },
  binary: (random) => {
    const { geometry, lengths } = broadcast(random, 2);
    const comparison = chance(random, 0.4);
    const op = pick(random, comparison ? COMPARISONS : ARITHMETIC);
    const inputs = lengths.map((length) =>
      comparison
        ? values(random, length, 0, 3).map(Math.floor)
        : values(random, length, op === 'add' ? -1 : 0.3, 3),
    );
    return {
      arguments: [op, geometry],
      inputs,
      call: (device, [a, b]) => [device.binary(op, a, b, geometry)],
    };
  },
  where: (random) => {
    const { geometry, lengths } = broadcast(random, 3);
    const [condition, a, b] = lengths.map((length) => values(random, length));
    return {
      arguments: geometry,
      inputs: [condition.map((x) => (x > 0 ? 1 : 0)), a, b],
      call: (device, [condition, a, b]) => [device.where(condition, a, b, geometry)],
    };
  },
  reduce: (random) => {
    const from = chance(random, 0.3)
      ? [size(random, 9), between(random, 250, 5000), size(random, 5)]
      : shape(random);
    const op = pick<ReduceOp>(random, ['sum', 'max', 'min', 'argmax']);
    const axes = from.flatMap((_, axis) => (chance(random, 0.5) ? [axis] : []));
    const geometry = reduceGeometry(from, op === 'argmax' ? [random.integer(from.length)] : axes);
    const x = values(random, sizeOf(from));
    return {
      arguments: [op, geometry],
      inputs: [x],
      call: (device, [x]) => [device.reduce(op, x, geometry)],
    };
  },
  strided: (random) => {
    const { geometry, length } = strides(random);
    return {
      arguments: geometry,
      inputs: [values(random, length)],
      call: (device, [x]) => [device.strided(x, geometry)],
    };
  },
  pad: (random) => {
    const from = shape(random, 4);
    const some = (limit: number) => from.map(() => (chance(random, 0.5) ? random.integer(limit) : 0));
    const geometry = {
      shape: from,
      before: some(4),
      after: some(4),
      interior: some(3),
      value: values(random, 1)[0],
    };
    return {
      arguments: geometry,
      inputs: [values(random, sizeOf(from))],
      call: (device, [x]) => [device.pad(x, geometry)],
    };
  },
  concat: (random) => {
    const sizes = Array.from({ length: between(random, 1, 9) }, () => size(random, 17));
    const geometry = { outer: between(random, 1, 5), sizes, inner: size(random) };
    return {
      arguments: geometry,
      inputs: sizes.map((n) => values(random, geometry.outer * n * geometry.inner)),
      call: (device, xs) => [device.concat(xs, geometry)],
    };
  },
  matmul: (random) => {
    const g = product(random, 65);
    const hasBias = chance(random, 0.3);
    const [batchesA, batchesB] = [g.batchStrideA ? g.batch : 1, g.batchStrideB ? g.batch : 1];
    return {
      arguments: [g, { hasBias }],
      inputs: [
        values(random, batchesA * g.m * g.k),
        values(random, batchesB * g.k * g.n),
        values(random, g.n),
      ],
      call: (device, [a, b, bias]) => [device.matmul(a, b, hasBias ? bias : null, g)],
    };
  },
  conv2d: (random) => {
    const g = convolution(random);
    const { x, weight, bias } = convolutionInputs(random, g);
    const hasBias = chance(random, 0.5);
    return {
      arguments: [g, { hasBias }],
      inputs: [x, weight, bias],
      call: (device, [x, weight, bias]) => [device.conv2d(x, weight, hasBias ? bias : null, g)],
    };
  },
  conv2dInputGrad: (random) => {
    const g = convolution(random);
    const { dy, weight } = convolutionInputs(random, g);
    return {
      arguments: g,
      inputs: [dy, weight],
      call: (device, [dy, weight]) => [device.conv2dInputGrad(dy, weight, g)],
    };
  },
  conv2dWeightGrad: (random) => {
    const g = convolution(random);
    const { x, dy } = convolutionInputs(random, g);
    return { arguments: g, inputs: [x, dy], call: (device, [x, dy]) => [device.conv2dWeightGrad(x, dy, g)] };
  },
  maxPool2d: (random) => {
    const g = pooling(random, true);
    return {
      arguments: g,
      inputs: [values(random, planesIn(g))],
      call: (device, [x]) => {
        const { output, indices } = device.maxPool2d(x, g);
        return [output, indices];
      },
    };
  },
  maxPool2dGrad: (random) => {
    const g = pooling(random, true);
    return {
      arguments: g,
      inputs: [values(random, planesIn(g)), values(random, planesOut(g))],
      call: (device, [x, dy]) => {
        const { output, indices } = device.maxPool2d(x, g);
        return [device.maxPool2dGrad(dy, indices, g), output, indices];
      },
    };
  },
  avgPool2d: (random) => {
    const g = averaging(random);
    return {
      arguments: g,
      inputs: [values(random, planesIn(g))],
      call: (device, [x]) => [device.avgPool2d(x, g)],
    };
  },
  avgPool2dGrad: (random) => {
    const g = averaging(random);
    return {
      arguments: g,
      inputs: [values(random, planesOut(g))],
      call: (device, [dy]) => [device.avgPool2dGrad(dy, g)],
    };
  },
  adaptiveAvgPool2d: (random) => {
    const g = adaptive(random);
    return {
      arguments: g,
      inputs: [values(random, planesIn(g))],
      call: (device, [x]) => [device.adaptiveAvgPool2d(x, g)],
    };
  },
  adaptiveAvgPool2dGrad: (random) => {
    const g = adaptive(random);
    return {
      arguments: g,
      inputs: [values(random, planesOut(g))],
      call: (device, [dy]) => [device.adaptiveAvgPool2dGrad(dy, g)],
    };
  },
  batchNormStatistics: (random) => {
    const { g, xs } = normalisation(random);
    const geometry = { ...g, channels: g.channels[0] };
    return {
      arguments: geometry,
      inputs: [xs[0]],
      call: (device, [x]) => {
        const { mean, variance } = device.batchNormStatistics(x, geometry);
        return [mean, variance];
      },
    };
  },
  batchNorm: (random) => {
    const { g, has, xs, perChannel, residual } = normalisation(random);
    return {
      arguments: [g, has],
      inputs: [...perChannel, residual, ...xs],
      call: (device, [mean, variance, weight, bias, residual, ...xs]) => [
        device.batchNorm(
          xs,
          mean,
          variance,
          has.weight ? weight : null,
          has.bias ? bias : null,
          has.residual ? residual : null,
          g,
        ),
      ],
    };
  },
  batchNormGrad: (random) => {
    const { g, has, xs, dy, perChannel, residual } = normalisation(random);
    const training = chance(random, 0.6);
    return {
      arguments: [g, has, { training }],
      inputs: [dy, ...perChannel, residual, ...xs],
      call: (device, [dy, mean, variance, weight, bias, residual, ...xs]) => {
        const grads = device.batchNormGrad(
          dy,
          xs,
          mean,
          variance,
          has.weight ? weight : null,
          has.bias ? bias : null,
          has.residual ? residual : null,
          training,
          g,
        );
        return [grads.weight, grads.bias, grads.residual, ...grads.inputs];
      },
    };
  },
  sgdStep: (random) => {
    const length = sizeOf(shape(random));
    const momentum = chance(random, 0.3) ? 0 : 0.9;
    const nesterov = momentum > 0 && chance(random, 0.4);
    const step = {
      lr: 0.1,
      momentum,
      dampening: nesterov || chance(random, 0.6) ? 0 : 0.3,
      weightDecay: chance(random, 0.5) ? 0.01 : 0,
      nesterov,
      maximize: chance(random, 0.2),
    };
    const hasVelocity = momentum > 0 && chance(random, 0.7);
    return {
      arguments: [step, { length, hasVelocity }],
      inputs: [values(random, length), values(random, length), values(random, length)],
      call: (device, [param, grad, velocity]) => {
        const next = device.sgdStep(param, grad, hasVelocity ? velocity : null, step);
        return [next.param, next.velocity];
      },
    };
  },
  adamStep: (random) => {
    const length = sizeOf(shape(random));
    const step = {
      lr: 0.01,
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      weightDecay: chance(random, 0.5) ? 0.05 : 0,
      decoupled: chance(random, 0.5),
      step: between(random, 1, 2000),
    };
    return {
      arguments: [step, { length }],
      inputs: [
        values(random, length),
        values(random, length),
        values(random, length),
        values(random, length, 0.01),
      ],
      call: (device, inputs) => {
        const next = device.adamStep(inputs[0], inputs[1], inputs[2], inputs[3], step);
        return [next.param, next.mean, next.square];
      },
    };
  },
};
