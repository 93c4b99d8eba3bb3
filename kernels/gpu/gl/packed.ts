/**
 * The primitives on packed storages: the packed output of a convolution stays packed through elementwise ops, batch norm,
 * pooling and concatenation, four values a fetch. Calls that these kernels cannot take go to `base`, on flat values.
 */
import type { ChannelGeometry, Pool2dGeometry, Storage, StridedGeometry } from '../../primitives.ts';
import { channelParts } from '../batch-norm.ts';
import { binaryBody, isFlat, opKey, unaryBody, unaryGradBody } from '../elementwise.ts';
import { present, sum } from '../machine.ts';
import type { GpuPrimitives } from '../primitives.ts';
import type { Program } from '../program/program.ts';
import * as norm from './batch-norm.ts';
import { type GlMachine, planesKey, samePlanes } from './machine.ts';
import { concatPacked, lanewise, type Planes, slicePacked, texelsOf } from './planes.ts';
import * as pool from './pool.ts';

type PackedFamily<S extends Storage> = Pick<
  GpuPrimitives<S>,
  | 'unary'
  | 'unaryGrad'
  | 'binary'
  | 'concat'
  | 'strided'
  | 'maxPool2d'
  | 'maxPool2dGrad'
  | 'avgPool2d'
  | 'avgPool2dGrad'
  | 'batchNormStatistics'
  | 'normalize'
  | 'normalizeGrad'
>;

export function packedPrimitives<S extends Storage, B extends { readonly length: number }>(
  gl: GlMachine<S, B>,
  base: PackedFamily<S>,
): PackedFamily<S> {
  const { fromPacked, planesOf, withPacked, flat } = gl;

  /** The planes of the first storage that is packed. */
  const planesOfAny = (...xs: readonly S[]): Planes | null =>
    xs.map(planesOf).find((planes) => planes !== null) ?? null;

  function runLanewise(
    key: string,
    planes: Planes,
    build: () => Program,
    xs: readonly S[],
    scalars: readonly number[],
  ): S {
    const same = xs.map(() => planes);
    return withPacked(xs, same, (packed) =>
      fromPacked(planes, gl.run(`${key} packed ${texelsOf(planes)}`, build, packed, scalars)),
    );
  }

  /** A pooling gradient: from the output's planes to the input's. */
  function runPoolGrad(name: string, xs: readonly S[], g: Pool2dGeometry, build: () => Program): S {
    const planes = xs.map(() => outputPlanes(g));
    return withPacked(xs, planes, (packed) =>
      fromPacked(inputPlanes(g), gl.run(`${name} packed ${JSON.stringify(g)}`, build, packed)),
    );
  }

  function channelSums(term: 'x' | 'squaredDeviation' | 'product', g: ChannelGeometry, inputs: B[]): B[] {
    const build = () => norm.channelSumsPacked(term, g);
    return gl.runAll(`channelSums ${term} packed ${planesKey(g)}`, build, inputs);
  }

  function channelTotals(
    g: ChannelGeometry,
    deviation: boolean,
    sums: B,
    inputs: readonly B[],
    scalars: readonly number[],
  ): S {
    const key = `channelTotals packed ${g.batch},${g.channels},${channelParts(g)} ${deviation}`;
    const result = gl.run(key, () => norm.channelTotalsPacked(g, deviation), [sums, ...inputs], scalars);
    gl.freeBuffer(sums);
    return gl.fromFlat(result, g.channels);
  }

  return {
    unary(op, x, alpha) {
      const planes = planesOf(x);
      if (!planes) return base.unary(op, x, alpha);
      const build = () => lanewise(texelsOf(planes), ['v'], ['alpha'], unaryBody(op, alpha));
      return runLanewise(opKey(op, alpha), planes, build, [x], [alpha]);
    },

    unaryGrad(op, dy, saved, alpha) {
      const planes = planesOfAny(dy, saved);
      if (!planes) return base.unaryGrad(op, dy, saved, alpha);
      const build = () => lanewise(texelsOf(planes), ['g', 'v'], ['alpha'], unaryGradBody(op, alpha));
      return runLanewise(`grad ${opKey(op, alpha)}`, planes, build, [dy, saved], [alpha]);
    },

    binary(op, a, b, g) {
      const planes = isFlat(g) ? planesOfAny(a, b) : null;
      if (!planes) return base.binary(op, a, b, g);
      const build = () => lanewise(texelsOf(planes), ['va', 'vb'], [], binaryBody(op));
      return runLanewise(op, planes, build, [a, b], []);
    },

    concat(xs, g) {
      const planes = g.sizes.map((channels) => ({ batch: g.outer, channels, spatial: g.inner }));
      const held = xs.map(planesOf);
      const fits =
        xs.length <= gl.maxInputs &&
        held.some((its) => its !== null) &&
        held.every((its, i) => !its || samePlanes(its, planes[i])) &&
        g.sizes.every((size) => size % 4 === 0);
      if (!fits) return base.concat(xs, g);
      const build = () => concatPacked(g.outer, g.sizes, g.inner);
      const key = `concat packed ${g.outer},${g.sizes},${g.inner}`;
      return withPacked(xs, planes, (packed) =>
        fromPacked({ ...planes[0], channels: sum(g.sizes) }, gl.run(key, build, packed)),
      );
    },

    strided(x, g) {
      const planes = planesOf(x);
      const slice = planes ? channelSlice(planes, g) : null;
      if (!planes || !slice) return base.strided(x, g);
      const { first, channels } = slice;
      const build = () => slicePacked(planes, channels);
      const key = `slice ${planesKey(planes)} ${channels}`;
      return withPacked([x], [planes], (packed) =>
        fromPacked({ ...planes, channels }, gl.run(key, build, packed, [first / 4])),
      );
    },

    maxPool2d(x, g) {
      if (!planesOf(x)) return base.maxPool2d(x, g);
      return withPacked([x], [inputPlanes(g)], (packed) => {
        const build = () => pool.maxPool2dPacked(g);
        const [output, indices] = gl.runAll(`maxPool2d packed ${JSON.stringify(g)}`, build, packed);
        return { output: fromPacked(outputPlanes(g), output), indices: fromPacked(outputPlanes(g), indices) };
      });
    },

    maxPool2dGrad(dy, indices, g) {
      if (!planesOf(indices)) return base.maxPool2dGrad(dy, indices, g);
      return runPoolGrad('maxPool2dGrad', [dy, indices], g, () => pool.maxPool2dGradPacked(g));
    },

    avgPool2d(x, g) {
      if (!planesOf(x)) return base.avgPool2d(x, g);
      return withPacked([x], [inputPlanes(g)], (packed) => {
        const build = () => pool.avgPool2dPacked(g);
        return fromPacked(outputPlanes(g), gl.run(`avgPool2d packed ${JSON.stringify(g)}`, build, packed));
      });
    },

    avgPool2dGrad(dy, g) {
      if (!planesOf(dy)) return base.avgPool2dGrad(dy, g);
      return runPoolGrad('avgPool2dGrad', [dy], g, () => pool.avgPool2dGradPacked(g));
    },

    batchNormStatistics(x, g) {
      if (!planesOf(x)) return base.batchNormStatistics(x, g);
      return withPacked([x], [g], ([packed]) => {
        const factor = 1 / (g.batch * g.spatial);
        const total = (sums: B) => channelTotals(g, false, sums, [], [factor]);
        const [sums] = channelSums('x', g, [packed]);
        const mean = total(sums);
        const [squares] = channelSums('squaredDeviation', g, [packed, flat(mean)]);
        return { mean, variance: total(squares) };
      });
    },

    normalize(x, operands, g) {
      if (!planesOf(x)) return base.normalize(x, operands, g);
      const { mean, variance, weight, bias } = operands;
      const coefficients = gl.runAll(
        `norm packed ${g.channels} ${weight !== null} ${bias !== null}`,
        () => norm.normCoefficients(g.channels, weight !== null, bias !== null),
        present(mean, variance, weight, bias).map(flat),
        [g.eps],
      );
      return withPacked([x], [g], (packed) => {
        const build = () => norm.batchNormPacked(g);
        const y = gl.run(`batchNorm packed ${planesKey(g)}`, build, [...packed, ...coefficients]);
        for (const buffer of coefficients) gl.freeBuffer(buffer);
        return fromPacked(g, y);
      });
    },

    normalizeGrad(dy, x, operands, g) {
      if (!g.training || !planesOfAny(x, dy)) return base.normalizeGrad(dy, x, operands, g);
      const { mean, variance, weight } = operands;
      return withPacked([x, dy], [g, g], ([packedX, packedDy]) => {
        const [products, gradients] = channelSums('product', g, [packedX, packedDy, flat(mean)]);
        const dBias = channelTotals(g, false, gradients, [], [1]);
        const dWeight = channelTotals(g, true, products, [flat(variance)], [g.eps]);
        const coefficients = gl.runAll(
          `inputGrad packed ${planesKey(g)} ${weight !== null}`,
          () => norm.inputGradPacked(g, weight !== null),
          present(mean, variance, dWeight, dBias, weight).map(flat),
          [g.eps],
        );
        const build = () => norm.batchNormInputGradPacked(g);
        const inputs = [packedDy, packedX, ...coefficients];
        const input = gl.run(`batchNormInputGrad packed ${planesKey(g)}`, build, inputs);
        for (const buffer of coefficients) gl.freeBuffer(buffer);
        return { input: fromPacked(g, input), weight: dWeight, bias: dBias };
      });
    },
  };
}

const inputPlanes = (g: Pool2dGeometry): Planes => ({
  batch: g.batch,
  channels: g.channels,
  spatial: g.inHeight * g.inWidth,
});

const outputPlanes = (g: Pool2dGeometry): Planes => ({
  batch: g.batch,
  channels: g.channels,
  spatial: g.outHeight * g.outWidth,
});

/** The channels that a view takes of a packed image, if whole texels of whole planes are what it takes. */
function channelSlice(x: Planes, g: StridedGeometry): { first: number; channels: number } | null {
  let row = 1;
  let axis = g.shape.length;
  // The trailing axes that lie close together: all of them, or all but the batch.
  while (axis > 0 && g.strides[axis - 1] === row) row *= g.shape[--axis];
  const image = x.channels * x.spatial;
  const isRow = axis === 0 && x.batch === 1 && row <= image;
  if (!isRow && !(axis === 1 && g.shape[0] === x.batch && g.strides[0] === image)) return null;
  const [channels, first] = [row / x.spatial, g.offset / x.spatial];
  return channels % 4 === 0 && first % 4 === 0 ? { first, channels } : null;
}
