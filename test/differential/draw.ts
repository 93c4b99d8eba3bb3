/** Random programs of ops: each draw takes earlier values or makes new ones, and arguments that the op allows. */
import { Generator, type Tensor, tidy } from '../../lib/index.ts';
import type { Args } from '../ops/cases.ts';
import { Builder, type Draw } from './builder.ts';
import { DRAW_IMAGE_OP } from './draw-images.ts';
import { DRAW_LOSS } from './draw-losses.ts';
import type { Program } from './program.ts';

const SMOOTH = ['abs', 'sign', 'neg', 'square', 'relu', 'sigmoid', 'tanh', 'softplus'];
const COMPARE = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'];

/** Values that exp, powers and their like do not send to infinity. */
const isTame = (x: Tensor): boolean => x.size > 0 && x.dataSync().every((value) => Math.abs(value) <= 6);
const isPositive = (x: Tensor): boolean => x.size > 0 && x.dataSync().every((value) => value >= 0.05);
const isApart = (x: Tensor): boolean => x.size > 0 && x.dataSync().every((value) => Math.abs(value) >= 0.05);

/** An earlier value of a kind, or a new one; now and then any, for what lies out of an op's domain. */
const inDomain = (b: Builder, isRight: (x: Tensor) => boolean, low: number, high: number): Tensor =>
  b.chance(0.03) ? b.some() : (b.find(isRight) ?? b.fresh(b.shape(0, 4), { low, high }));

/** A shape that broadcasts against another: sizes of 1, axes less or more. */
function partner(b: Builder, { shape }: Tensor): number[] {
  const cut = shape.slice(b.chance(0.4) ? b.integer(0, shape.length) : 0);
  const sizes = cut.map((size) =>
    b.chance(0.25) ? 1 : size === 1 && b.chance(0.3) ? b.integer(1, 4) : size,
  );
  return b.chance(0.1) && sizes.length < 4
    ? [b.integer(1, 3), ...new Array(shape.length - sizes.length).fill(1), ...sizes]
    : sizes;
}

const broadcasts = (a: Tensor, b: Tensor): boolean => {
  const rank = Math.max(a.rank, b.rank);
  const [own, other] = [a, b].map(({ shape }) => [...new Array(rank - shape.length).fill(1), ...shape]);
  const size = own.reduce((product, one, i) => product * Math.max(one, other[i]), 1);
  return own.every((one, i) => one === other[i] || one === 1 || other[i] === 1) && size < 5000;
};

/** Another operand for a value: an earlier one where there is, else a new one. */
const other = (b: Builder, x: Tensor, low = -2, high = 2): Tensor =>
  (b.chance(0.4) ? b.find((y) => y.size > 0 && broadcasts(x, y)) : null) ??
  b.fresh(partner(b, x), { low, high });

const inOrder = (b: Builder, [x, y]: [Tensor, Tensor]): [Tensor, Tensor] => (b.chance(0.5) ? [x, y] : [y, x]);

const ELEMENTWISE: readonly Draw[] = [
  (b) => b.add(b.pick(SMOOTH), [b.some()]),
  (b) => b.add(b.pick(SMOOTH), [b.some()]),
  (b) => b.add('exp', [inDomain(b, isTame, -3, 3)]),
  (b) => b.add(b.pick(['log', 'sqrt']), [inDomain(b, isPositive, 0.1, 4)]),
  (b) => b.add('reciprocal', [inDomain(b, isApart, 0.2, 4)]),
  (b) => b.add('leakyRelu', [b.some()], b.chance(0.5) ? {} : { negativeSlope: b.pick([0, 0.01, 0.3, -0.5]) }),
  (b) => {
    const [min, max] = [b.integer(-4, 1) / 4, b.integer(0, 6) / 4];
    return b.add('clamp', [b.some()], b.pick([{ min }, { max }, { min, max }]));
  },
  (b) =>
    b.add(b.pick(['addScalar', 'subScalar', 'mulScalar', 'divScalar']), [b.some()], {
      value: b.pick([-2, -0.5, 0.25, 1, 3]),
    }),
  (b) => b.add('powScalar', [inDomain(b, isTame, -2, 2)], { value: b.pick([0, 1, 2, 3]) }),
  (b) => b.add('powScalar', [inDomain(b, isPositive, 0.2, 2)], { value: b.pick([-1, -0.5, 0.5, 1.5, 2.5]) }),
];

const BINARY: readonly Draw[] = [
  (b) => {
    const x = b.some();
    return b.add(b.pick(['add', 'sub', 'mul']), inOrder(b, [x, other(b, x)]));
  },
  (b) => {
    const x = b.some();
    return b.add('div', [x, b.chance(0.5) ? b.fresh(partner(b, x), { low: 0.5, high: 3 }) : other(b, x)]);
  },
  (b) => {
    const x = inDomain(b, isPositive, 0.2, 2);
    return b.add('pow', [x, b.fresh(partner(b, x), { low: -2, high: 2 })]);
  },
  (b) => {
    const x = b.some();
    return b.add(b.pick(['maximum', 'minimum']), inOrder(b, [x, other(b, x)]));
  },
  (b) => {
    const x = b.some();
    return b.add(b.pick(COMPARE), inOrder(b, [x, other(b, x)]));
  },
  (b) => {
    const x = b.some();
    const condition = b.fresh(partner(b, x), { low: 0, high: 1, grid: 1, differentiable: false });
    const second = other(b, x);
    return broadcasts(condition, second) ? b.add('where', [condition, x, second]) : b.add('add', [x, second]);
  },
];

/** One axis, several, or all. */
function axes(b: Builder, { rank }: Tensor): Partial<Args> {
  if (rank === 0 || b.chance(0.25)) return {};
  const keepdim = b.chance(0.5) ? {} : { keepdim: b.chance(0.5) };
  const several = b.random
    .permutation(rank)
    .slice(0, b.integer(1, rank))
    .map((axis) => (b.chance(0.5) ? axis - rank : axis));
  // The arguments of all ops share one type, in which `dim` is one axis; reductions take several.
  return { ...keepdim, dim: (b.chance(0.5) ? b.axis(rank) : several) as number };
}

const REDUCE: readonly Draw[] = [
  (b) => {
    const x = b.some();
    return b.add(b.pick(['sum', 'mean', 'max', 'min']), [x], axes(b, x));
  },
  (b) => {
    const x = b.some();
    return b.add(b.pick(['var', 'std']), [x], {
      ...axes(b, x),
      ...(b.chance(0.5) ? {} : { unbiased: b.chance(0.5) }),
    });
  },
  (b) => {
    const x = b.some(1);
    return b.add('argmax', [x], b.chance(0.2) ? {} : { dim: b.axis(x.rank), keepdim: b.chance(0.5) });
  },
  (b) => {
    const x = b.some(1);
    return b.add(b.pick(['softmax', 'logSoftmax']), [x], { dim: b.axis(x.rank) });
  },
];

/** Sizes whose product is this. */
function factors(b: Builder, size: number): number[] {
  const sizes: number[] = [];
  let left = size;
  while (sizes.length < 3 && b.chance(0.7)) {
    const divisors = Array.from({ length: left }, (_, i) => i + 1).filter((one) => left % one === 0);
    sizes.push(b.pick(divisors));
    left /= sizes[sizes.length - 1];
  }
  sizes.splice(b.integer(0, sizes.length), 0, left);
  return sizes;
}

const VIEWS: readonly Draw[] = [
  (b) => {
    const x = b.some();
    const shape = factors(b, x.size);
    if (b.chance(0.3)) shape[b.integer(0, shape.length - 1)] = -1;
    return b.add('reshape', [x], { shape });
  },
  (b) => {
    const x = b.some(1);
    const [startDim, endDim] = [b.integer(0, x.rank - 1), x.rank - 1];
    return b.add('flatten', [x], b.pick([{}, { startDim }, { startDim, endDim }]));
  },
  (b) => {
    const x = b.some(1);
    return b.add('transpose', [x], { dim0: b.axis(x.rank), dim1: b.axis(x.rank) });
  },
  (b) => {
    const x = b.some(1);
    return b.add('permute', [x], { dims: b.random.permutation(x.rank) });
  },
  (b) => {
    const x = b.some(1);
    const dim = b.axis(x.rank);
    const size = x.shape.at(dim) ?? 1;
    const [start, end] = [b.integer(-size, size - 1), b.integer(1, size + 1)];
    return b.add('slice', [x], { dim, start, end, step: b.pick([1, 1, 2, 3]) });
  },
  (b) => {
    const x = b.some(1);
    const dim = b.axis(x.rank);
    const size = x.shape.at(dim) ?? 1;
    return b.add('select', [x], { dim, index: b.integer(-size, size - 1) });
  },
  (b) => {
    const x = b.find(({ shape, size }) => size > 0 && shape.some((one) => one >= 2)) ?? b.fresh([4, 3]);
    const dim = x.shape.findIndex((one) => one >= 2);
    return b.add('secondChunk', [x], { chunks: 2, dim });
  },
  (b) => {
    const x = b.fresh(b.shape(1, 4).map((size) => (b.chance(0.5) ? 1 : size)));
    const shape = x.shape.map((size) => (size === 1 ? b.integer(1, 4) : b.pick([size, -1])));
    return b.add('expand', [x], { shape: b.chance(0.3) ? [b.integer(1, 3), ...shape] : shape });
  },
  (b) => {
    const x = b.some(1);
    return b.add('squeeze', [x], b.chance(0.4) ? {} : { dim: b.axis(x.rank) });
  },
  (b) => {
    const x = b.find(({ rank, size }) => rank < 4 && size > 0) ?? b.fresh([2]);
    return b.add('unsqueeze', [x], { dim: b.integer(-x.rank - 1, x.rank) });
  },
  (b) => {
    const x = b.some(1);
    const dim = b.axis(x.rank);
    const more = Array.from({ length: b.integer(1, 2) }, () =>
      b.fresh(x.shape.with(dim < 0 ? dim + x.rank : dim, b.integer(1, 4))),
    );
    return b.add('cat', b.chance(0.5) ? [x, ...more] : [...more, x], { dim });
  },
  (b) => {
    const x = b.find(({ rank, size }) => rank < 4 && size > 0 && size < 1000) ?? b.fresh([2]);
    const same = b.find(({ shape }) => String(shape) === String(x.shape)) ?? b.fresh(x.shape);
    return b.add('stack', [x, same], { dim: b.integer(-x.rank - 1, x.rank) });
  },
  (b) => {
    const x = b.some(1);
    const count = b.integer(1, x.rank);
    const padding = Array.from({ length: 2 * count }, (_, i) => {
      const size = x.shape[x.rank - 1 - Math.floor(i / 2)];
      return b.integer(size > 2 ? -1 : 0, 2);
    });
    return b.add('pad', [x], {
      padding: padding as Args['padding'],
      ...(b.chance(0.5) ? {} : { value: b.pick([-1, 0.5]) }),
    });
  },
];

const PRODUCTS: readonly Draw[] = [
  (b) => {
    const x = b.some(1);
    const k = x.shape.at(-1) ?? 1;
    const lead = b.chance(0.3) ? x.shape.slice(0, -2).map((size) => (b.chance(0.4) ? 1 : size)) : [];
    return b.add('matmul', [x, b.fresh(b.chance(0.2) ? [k] : [...lead, k, b.integer(1, 7)])]);
  },
  (b) => {
    const x = b.find(({ rank, size }) => rank === 2 && size > 0) ?? b.fresh([3, 5]);
    return b.add('transposedMatmul', [x, b.fresh([b.integer(1, 5), x.shape[0]])]);
  },
  (b) => {
    const x = b.some(1);
    const [k, n] = [x.shape.at(-1) ?? 1, b.integer(1, 9)];
    return b.add('linear', [x, b.fresh([n, k]), b.chance(0.7) ? b.fresh([n]) : null]);
  },
];

const FAMILIES: readonly (readonly Draw[])[] = [
  ELEMENTWISE,
  BINARY,
  REDUCE,
  VIEWS,
  PRODUCTS,
  DRAW_IMAGE_OP,
  DRAW_LOSS,
];

/** The program of a seed and a number. */
export function drawProgram(seed: number, number: number): Program {
  return tidy(() => {
    const b = new Builder(new Generator(seed, number));
    b.fresh(b.shape(0, 4));
    if (b.chance(0.5))
      b.fresh([b.integer(1, 3), b.pick([1, 2, 3, 4, 6, 8]), b.integer(3, 12), b.integer(3, 12)]);
    for (let left = b.integer(1, 10); left > 0; left--) {
      if (!b.pick(b.pick(FAMILIES))(b)) break;
    }
    return b.program(number);
  });
}
