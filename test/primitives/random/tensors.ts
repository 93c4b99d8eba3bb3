/** Random arguments for the primitives on tensors of any shape, and for the optimisers' steps. */
import {
  BINARY_OPS,
  type BinaryOp,
  REDUCE_OPS,
  UNARY_GRAD_OPS,
  UNARY_OPS,
  type UnaryOp,
} from '../../../lib/devices/device.ts';
import type { Generator } from '../../../lib/tensor/random.ts';
import {
  broadcastGeometry,
  broadcastShapes,
  reduceGeometry,
  sizeOf,
  stridesOf,
} from '../../../lib/tensor/shape.ts';
import { between, chance, count, type Draw, pick, shape, size, values } from '../drawing.ts';

const POSITIVE: readonly UnaryOp[] = ['log', 'sqrt', 'reciprocal', 'powScalar'];
const COMPARISONS: readonly BinaryOp[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'];
const ARITHMETIC = BINARY_OPS.filter((op) => !COMPARISONS.includes(op));

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
    batch: chance(random, 0.4) ? count(random, 2, 4) : 1,
    m: size(random, limit),
    n: size(random, limit),
    k: chance(random, 0.1) ? between(random, 200, 400) : size(random, limit),
    transposeA: chance(random, 0.5),
    transposeB: chance(random, 0.5),
  };
  const [sharedA, sharedB] = [g.batch === 1 || chance(random, 0.3), g.batch === 1 || chance(random, 0.3)];
  return { ...g, batchStrideA: sharedA ? 0 : g.m * g.k, batchStrideB: sharedB ? 0 : g.k * g.n };
};

export const RANDOM_TENSORS = {
  fill: (random) => {
    const [length, value] = [sizeOf(shape(random)), values(random, 1)[0]];
    return { arguments: [length, value], inputs: [], call: (device) => [device.fill(length, value)] };
  },
  unary: (random) => {
    const [op, alpha] = [pick(random, UNARY_OPS), values(random, 1, -1.5, 1.5)[0]];
    const x = operand(random, op, sizeOf(shape(random)));
    return {
      arguments: [op, alpha, x.length],
      inputs: [x],
      call: (device, [x]) => [device.unary(op, x, alpha)],
    };
  },
  unaryGrad: (random) => {
    const [op, alpha] = [pick(random, UNARY_GRAD_OPS), values(random, 1, -1.5, 1.5)[0]];
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
    const op = pick(random, REDUCE_OPS);
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
    const geometry = { outer: count(random, 1, 5), sizes, inner: size(random) };
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
} satisfies Record<string, (random: Generator) => Draw>;
