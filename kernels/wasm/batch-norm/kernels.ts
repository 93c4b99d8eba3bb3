/**
 * Batch normalisation, x: `[batch, channels, spatial]` (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167).
 * Sums run in float32 over short stretches and in float64 above; the variance takes a second pass.
 */
import type { FunctionBuilder } from '../emit/assembler.ts';
import { defineKernel } from '../emit/kernel.ts';
import { mapRun, sumRun } from '../emit/loops.ts';
import { F64, type I32, type Local, type V128 } from '../emit/values.ts';

const SHAPE = { batch: 'i32', channels: 'i32', spatial: 'i32' } as const;

/**
 * x comes in parts along the channels, so a table tells for each channel, in 32-bit words, the address of its first
 * run, the bytes from there to the run of the next image, and the address of its gradient's first run.
 */
export const CHANNEL_ENTRY_BYTES = 12;
export const CHANNEL_ENTRY = { x: 0, step: 4, dx: 8 };

const PARAMS = {
  channelTable: 'i32',
  mean: 'i32',
  variance: 'i32',
  weight: 'i32',
  bias: 'i32',
  residual: 'i32',
  eps: 'f32',
  ...SHAPE,
} as const;

/** Which operands there are beside x, and whether max(., 0) comes last. */
export interface BatchNormForm {
  readonly weight: boolean;
  readonly bias: boolean;
  readonly residual: boolean;
  readonly relu: boolean;
}

/** Calls `visit` for each image, and moves the addresses on by their steps in bytes. */
function eachImage(
  f: FunctionBuilder,
  batch: I32,
  moving: readonly (readonly [address: Local<I32>, step: I32])[],
  visit: () => void,
): void {
  f.repeat(batch, () => {
    visit();
    for (const [address, step] of moving) address.set(address.add(step));
  });
}

const countOf = (f: FunctionBuilder, shape: { batch: I32; spatial: I32 }): F64 =>
  f.f64(shape.batch.mul(shape.spatial).toF32().toF64());

/** Task c: mean[c] and the biased variance[c]. */
export const batchNormStatisticsKernel = defineKernel(
  'batchNormStatistics',
  { x: 'i32', mean: 'i32', variance: 'i32', ...SHAPE },
  ({ f, p, task }) => {
    const run = f.i32();
    const x = f.i32();
    const step = f.i32(p.channels.mul(p.spatial).shl(2));
    const eachRun = (visit: () => void) => {
      run.set(p.x.add(task.mul(p.spatial).shl(2)));
      eachImage(f, p.batch, [[run, step]], () => {
        x.set(run);
        visit();
      });
    };
    const total = f.f64(0);
    eachRun(() => sumRun(f, p.spatial, [x], [total], ([value]) => [value]));
    const count = countOf(f, p);
    const mean = f.f32(total.div(count).toF32());
    const center = f.v128(mean.splat());
    const squares = f.f64(0);
    const shift = f.f64(0);
    const distance = f.v128();
    eachRun(() =>
      sumRun(f, p.spatial, [x], [squares, shift], ([value]) => {
        distance.set(value.sub(center));
        return [distance.mul(distance), distance];
      }),
    );
    shift.set(shift.div(count));
    f.store(p.mean.add(task.shl(2)), mean);
    f.store(p.variance.add(task.shl(2)), squares.div(count).sub(shift.mul(shift)).toF32());
  },
);

/** One channel's part of the formula, the same to the bit in the forward and the backward pass. */
function channelOf(
  f: FunctionBuilder,
  p: { readonly [Name in 'mean' | 'variance' | 'weight' | 'bias']: I32 } & { eps: { toF64(): F64 } },
  offset: I32,
  form: BatchNormForm,
  fused: boolean,
) {
  const inverse = f.f64(F64.const(1).div(p.variance.add(offset).f32().toF64().add(p.eps.toF64()).sqrt()));
  const gain = f.f64(form.weight ? p.weight.add(offset).f32().toF64().mul(inverse) : inverse);
  const mean = f.v128(p.mean.add(offset).splat32());
  const scale = f.v128(gain.toF32().splat());
  const bias = f.v128(form.bias ? p.bias.add(offset).splat32() : 0);
  /** (x - mean) * scale + bias + residual, from x - mean. */
  const affine = (centered: V128, residual: V128): V128 => {
    const y = centered.madd(scale, bias, fused);
    return form.residual ? y.add(residual) : y;
  };
  return { inverse, gain, mean, scale, affine };
}

const keyOf = (form: BatchNormForm): string =>
  Object.entries(form)
    .flatMap(([name, present]) => (present ? [name] : []))
    .join();

/**
 * y = (x - mean) * weight / sqrt(variance + eps) + bias + residual, then max(., 0) if the form says so; a task does
 * `rows` of the batch * channels rows.
 */
export const batchNormKernel = (form: BatchNormForm) =>
  defineKernel(
    `batchNorm ${keyOf(form)}`,
    { ...PARAMS, out: 'i32', rows: 'i32' },
    ({ f, p, task, target }) => {
      const start = f.i32(task.mul(p.rows));
      f.for(start, start.add(p.rows).min(p.batch.mul(p.channels)), (row) => {
        const c = f.i32(row.rem(p.channels));
        const { mean, affine } = channelOf(f, p, f.i32(c.shl(2)), form, target.fused);
        const entry = f.i32(p.channelTable.add(c.mul(CHANNEL_ENTRY_BYTES)));
        const x = f.i32(
          entry.i32(CHANNEL_ENTRY.x).add(row.div(p.channels).mul(entry.i32(CHANNEL_ENTRY.step))),
        );
        const offset = f.i32(row.mul(p.spatial).shl(2));
        const out = f.i32(p.out.add(offset));
        const inputs = form.residual ? [x, f.i32(p.residual.add(offset))] : [x];
        mapRun(f, p.spatial, inputs, out, ([value, residual]) => {
          const y = affine(value.sub(mean), residual);
          return form.relu ? y.relu() : y;
        });
      });
    },
  );

/**
 * Task c: with n = (x - mean) / deviation, and g being dy, or with a ReLU dy where its operand was above 0,
 * dResidual = g, dBias = sum g, dWeight = sum g n and
 * dx = weight / deviation * (g - dBias / count - n dWeight / count), the last two terms in training only.
 */
export const batchNormGradKernel = (form: BatchNormForm, training: boolean) =>
  defineKernel(
    `batchNormGrad ${keyOf(form)} ${training}`,
    { ...PARAMS, dy: 'i32', dResidual: 'i32', dWeight: 'i32', dBias: 'i32' },
    ({ f, p, task, target }) => {
      const channelOffset = f.i32(task.shl(2));
      const { inverse, gain, mean, scale, affine } = channelOf(f, p, channelOffset, form, target.fused);
      const entry = f.i32(p.channelTable.add(task.mul(CHANNEL_ENTRY_BYTES)));
      const step = f.i32(p.channels.mul(p.spatial).shl(2));
      const [offset, partOffset] = [f.i32(), f.i32()];
      const [dy, x, residual, out] = [f.i32(), f.i32(), f.i32(), f.i32()];
      const [centered, cut] = [f.v128(), f.v128()];
      const keepsCut = form.relu && form.residual;
      /** Visits the channel's runs, with dy (or dResidual, once it is there) and x at their beginnings. */
      const eachRun = (gradient: I32, visit: () => void) => {
        offset.set(task.mul(p.spatial).shl(2));
        partOffset.set(0);
        const moving = [[offset, step] as const, [partOffset, entry.i32(CHANNEL_ENTRY.step)] as const];
        eachImage(f, p.batch, moving, () => {
          dy.set(gradient.add(offset));
          x.set(entry.i32(CHANNEL_ENTRY.x).add(partOffset));
          visit();
        });
      };
      /** g, from dy and x - mean; dResidual already is g. */
      const gradientOf = (g: V128): V128 =>
        form.relu && !keepsCut ? g.andNot(affine(centered, centered).le(0)) : g;

      const [dBias, dWeight] = [f.f64(0), f.f64(0)];
      eachRun(p.dy, () => {
        if (keepsCut) {
          residual.set(p.residual.add(offset));
          out.set(p.dResidual.add(offset));
          mapRun(f, p.spatial, [dy, x, residual], out, ([g, value, r]) =>
            g.andNot(affine(value.sub(mean), r).le(0)),
          );
          dy.set(p.dResidual.add(offset));
          x.set(entry.i32(CHANNEL_ENTRY.x).add(partOffset));
        }
        sumRun(f, p.spatial, [dy, x], [dBias, dWeight], ([g, value]) => {
          centered.set(value.sub(mean));
          cut.set(gradientOf(g));
          return [cut, cut.mul(centered)];
        });
      });
      dWeight.set(dWeight.mul(inverse));
      f.store(p.dBias.add(channelOffset), dBias.toF32());
      f.store(p.dWeight.add(channelOffset), dWeight.toF32());

      const perCount = f.f64(gain.div(countOf(f, p)).mul(-1));
      const slope = f.v128(perCount.mul(inverse).mul(dWeight).toF32().splat());
      const shift = f.v128(perCount.mul(dBias).toF32().splat());
      const needsX = training || (form.relu && !keepsCut);
      eachRun(keepsCut ? p.dResidual : p.dy, () => {
        out.set(entry.i32(CHANNEL_ENTRY.dx).add(partOffset));
        mapRun(f, p.spatial, needsX ? [dy, x] : [dy], out, ([g, value]) => {
          if (needsX) centered.set(value.sub(mean));
          const direct = gradientOf(g);
          return training
            ? direct.madd(scale, centered.madd(slope, shift, target.fused), target.fused)
            : direct.mul(scale);
        });
      });
    },
  );
