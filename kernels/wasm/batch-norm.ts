/**
 * Batch normalisation, x: `[batch, channels, spatial]` (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167).
 * Sums run in float32 over short stretches and in float64 above; the variance takes a second pass.
 */
import type { FunctionBuilder } from './assembler.ts';
import { defineKernel } from './kernel.ts';
import { mapRun, sumRun } from './loops.ts';
import { F64, type I32, type Local } from './values.ts';

const SHAPE = { batch: 'i32', channels: 'i32', spatial: 'i32' } as const;

interface Shape {
  readonly batch: I32;
  readonly channels: I32;
  readonly spatial: I32;
}

/** Visits the runs of one channel: the byte offset of each. */
function eachRun(f: FunctionBuilder, shape: Shape, channel: I32, visit: (offset: Local<I32>) => void): void {
  const offset = f.i32(channel.mul(shape.spatial).shl(2));
  const step = f.i32(shape.channels.mul(shape.spatial).shl(2));
  f.repeat(shape.batch, () => {
    visit(offset);
    offset.set(offset.add(step));
  });
}

const countOf = (f: FunctionBuilder, shape: Shape): F64 =>
  f.f64(shape.batch.mul(shape.spatial).toF32().toF64());

/** Task c: mean[c] and the biased variance[c]. */
export const batchNormStatisticsKernel = defineKernel(
  'batchNormStatistics',
  { x: 'i32', mean: 'i32', variance: 'i32', ...SHAPE },
  ({ f, p, task }) => {
    const x = f.i32();
    const total = f.f64(0);
    eachRun(f, p, task, (offset) => {
      x.set(p.x.add(offset));
      sumRun(f, p.spatial, [x], [total], ([value]) => [value]);
    });
    const count = countOf(f, p);
    const mean = f.f32(total.div(count).toF32());
    const center = f.v128(mean.splat());
    const squares = f.f64(0);
    const shift = f.f64(0);
    const distance = f.v128();
    eachRun(f, p, task, (offset) => {
      x.set(p.x.add(offset));
      sumRun(f, p.spatial, [x], [squares, shift], ([value]) => {
        distance.set(value.sub(center));
        return [distance.mul(distance), distance];
      });
    });
    shift.set(shift.div(count));
    f.store(p.mean.add(task.shl(2)), mean);
    f.store(p.variance.add(task.shl(2)), squares.div(count).sub(shift.mul(shift)).toF32());
  },
);

/** y = (x - mean) * weight / sqrt(variance + eps) + bias; a task does `rows` of the batch * channels rows. */
export const batchNormKernel = (affine: { weight: boolean; bias: boolean }) =>
  defineKernel(
    `batchNorm ${affine.weight} ${affine.bias}`,
    {
      x: 'i32',
      out: 'i32',
      mean: 'i32',
      variance: 'i32',
      weight: 'i32',
      bias: 'i32',
      eps: 'f32',
      rows: 'i32',
      ...SHAPE,
    },
    ({ f, p, task, target }) => {
      const start = f.i32(task.mul(p.rows));
      f.for(start, start.add(p.rows).min(p.batch.mul(p.channels)), (row) => {
        const at = f.i32(row.rem(p.channels).shl(2));
        const deviation = p.variance.add(at).f32().toF64().add(p.eps.toF64()).sqrt();
        const weight = affine.weight ? p.weight.add(at).f32().toF64() : F64.const(1);
        const scale = f.v128(weight.div(deviation).toF32().splat());
        const mean = f.v128(p.mean.add(at).splat32());
        const bias = f.v128(affine.bias ? p.bias.add(at).splat32() : 0);
        const offset = f.i32(row.mul(p.spatial).shl(2));
        const x = f.i32(p.x.add(offset));
        const out = f.i32(p.out.add(offset));
        mapRun(f, p.spatial, [x], out, ([value]) => value.sub(mean).madd(scale, bias, target.fused));
      });
    },
  );

/**
 * Task c: with n = (x - mean) / deviation, dBias = sum dy, dWeight = sum dy n and
 * dx = weight / deviation * (dy - dBias / count - n dWeight / count), the last two terms in training only.
 */
export const batchNormGradKernel = (training: boolean, hasWeight: boolean) =>
  defineKernel(
    `batchNormGrad ${training} ${hasWeight}`,
    {
      dy: 'i32',
      x: 'i32',
      mean: 'i32',
      variance: 'i32',
      weight: 'i32',
      dx: 'i32',
      dWeight: 'i32',
      dBias: 'i32',
      eps: 'f32',
      ...SHAPE,
    },
    ({ f, p, task, target }) => {
      const at = f.i32(task.shl(2));
      const mean = f.v128(p.mean.add(at).splat32());
      const inverse = f.f64(F64.const(1).div(p.variance.add(at).f32().toF64().add(p.eps.toF64()).sqrt()));
      const dy = f.i32();
      const x = f.i32();
      const dBias = f.f64(0);
      const dWeight = f.f64(0);
      eachRun(f, p, task, (offset) => {
        dy.set(p.dy.add(offset));
        x.set(p.x.add(offset));
        sumRun(f, p.spatial, [dy, x], [dBias, dWeight], ([g, value]) => [g, g.mul(value.sub(mean))]);
      });
      dWeight.set(dWeight.mul(inverse));
      f.store(p.dBias.add(at), dBias.toF32());
      f.store(p.dWeight.add(at), dWeight.toF32());

      const gain = f.f64(hasWeight ? p.weight.add(at).f32().toF64().mul(inverse) : inverse);
      const scale = f.v128(gain.toF32().splat());
      const perCount = f.f64(gain.div(countOf(f, p)).mul(-1));
      const slope = f.v128(perCount.mul(inverse).mul(dWeight).toF32().splat());
      const shift = f.v128(perCount.mul(dBias).toF32().splat());
      const dx = f.i32();
      eachRun(f, p, task, (offset) => {
        dy.set(p.dy.add(offset));
        x.set(p.x.add(offset));
        dx.set(p.dx.add(offset));
        mapRun(f, p.spatial, training ? [dy, x] : [dy], dx, ([g, value]) =>
          training
            ? g.madd(scale, value.sub(mean).madd(slope, shift, target.fused), target.fused)
            : g.mul(scale),
        );
      });
    },
  );
