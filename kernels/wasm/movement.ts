/** Kernels that only move values: rows of a concatenation, and the scatter of a padding. */
import { defineKernel } from './emit/kernel.ts';
import { mapRun, offsetOf } from './emit/loops.ts';

export const sizeName = (axis: number) => `n${axis}`;
export const strideName = (axis: number) => `s${axis}`;

/** Copies rows of `width` values, cut into `pieces` of `piece`; strides are in elements; a task does `units`. */
export const copyRowsKernel = defineKernel(
  'copy rows',
  {
    x: 'i32',
    out: 'i32',
    strideX: 'i32',
    strideOut: 'i32',
    width: 'i32',
    pieces: 'i32',
    piece: 'i32',
    total: 'i32',
    units: 'i32',
  },
  ({ f, p, task }) => {
    const start = f.i32(task.mul(p.units));
    f.for(start, start.add(p.units).min(p.total), (unit) => {
      const row = f.i32(unit.div(p.pieces));
      const first = f.i32(unit.rem(p.pieces).mul(p.piece));
      const x = f.i32(p.x.add(row.mul(p.strideX).add(first).shl(2)));
      const out = f.i32(p.out.add(row.mul(p.strideOut).add(first).shl(2)));
      mapRun(f, p.width.sub(first).min(p.piece), [x], out, ([value]) => value);
    });
  },
);

/** out[sum of i_axis * stride_axis] = x[i], row by row of the innermost axis; strides are in elements. */
export function scatterKernel(rank: number, contiguous: boolean) {
  const params: Record<string, 'i32'> = { x: 'i32', out: 'i32', total: 'i32', units: 'i32' };
  for (let axis = 0; axis < rank; axis++) {
    params[sizeName(axis)] = 'i32';
    params[strideName(axis)] = 'i32';
  }
  return defineKernel(`scatter ${rank} ${contiguous}`, params, ({ f, p, task }) => {
    const axes = Array.from({ length: rank }, (_, axis) => ({
      size: p[sizeName(axis)],
      stride: p[strideName(axis)],
    }));
    const inner = axes[rank - 1];
    const start = f.i32(task.mul(p.units));
    f.for(start, start.add(p.units).min(p.total), (row) => {
      const x = f.i32(p.x.add(row.mul(inner.size).shl(2)));
      const out = f.i32(p.out.add(offsetOf(f, row, axes.slice(0, -1)).shl(2)));
      if (contiguous) mapRun(f, inner.size, [x], out, ([value]) => value);
      else {
        f.repeat(inner.size, () => {
          f.store(out, x.f32());
          x.set(x.add(4));
          out.set(out.add(inner.stride.shl(2)));
        });
      }
    });
  });
}
