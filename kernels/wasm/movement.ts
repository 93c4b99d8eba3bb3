/** What only moves values: constants, views, padding and concatenation. */
import type { Storage } from '../primitives.ts';
import { launchIndexed } from './elementwise/launch.ts';
import { defineKernel } from './emit/kernel.ts';
import { mapRun, offsetOf } from './emit/loops.ts';
import type { Family, Machine } from './machine.ts';
import { CHUNK, chunks, namedAxes, product, rowMajor, sum } from './tasks.ts';

const sizeName = (axis: number) => `n${axis}`;
const strideName = (axis: number) => `s${axis}`;

/** Copies rows of `width` values, cut into `rowChunks` of `chunkLength`; strides are in elements; a task does `itemsPerTask`. */
export const copyRowsKernel = defineKernel(
  'copy rows',
  {
    x: 'i32',
    out: 'i32',
    strideX: 'i32',
    strideOut: 'i32',
    width: 'i32',
    rowChunks: 'i32',
    chunkLength: 'i32',
    total: 'i32',
    itemsPerTask: 'i32',
  },
  ({ f, p, task }) => {
    const start = f.i32(task.mul(p.itemsPerTask));
    f.for(start, start.add(p.itemsPerTask).min(p.total), (item) => {
      const row = f.i32(item.div(p.rowChunks));
      const first = f.i32(item.rem(p.rowChunks).mul(p.chunkLength));
      const x = f.i32(p.x.add(row.mul(p.strideX).add(first).shl(2)));
      const out = f.i32(p.out.add(row.mul(p.strideOut).add(first).shl(2)));
      mapRun(f, p.width.sub(first).min(p.chunkLength), [x], out, ([value]) => value);
    });
  },
);

/** out[sum of i_axis * stride_axis] = x[i], row by row of the innermost axis; strides are in elements. */
export function scatterKernel(rank: number, contiguous: boolean) {
  const params: Record<string, 'i32'> = { x: 'i32', out: 'i32', total: 'i32', itemsPerTask: 'i32' };
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
    const start = f.i32(task.mul(p.itemsPerTask));
    f.for(start, start.add(p.itemsPerTask).min(p.total), (row) => {
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

export function movement<S extends Storage>(
  machine: Machine<S>,
): Family<S, 'fill' | 'strided' | 'pad' | 'concat'> {
  const { launcher, allocate, addressOf } = machine;

  function fill(length: number, value: number): S {
    const out = allocate(length);
    const start = addressOf(out) / 4;
    launcher.heap.f32.fill(value, start, start + length);
    return out;
  }

  return {
    fill,

    strided(x, { shape, strides, offset }) {
      const [sizes, steps] = shape.length ? [shape, strides] : [[1], [1]];
      const space = { shape: sizes, strides: [steps], offsets: [offset] };
      return launchIndexed(machine, 'copy', ([value]) => value, [x], space);
    },

    pad(x, { shape, before, after, interior, value }) {
      const outShape = shape.map(
        (n, axis) => before[axis] + n + Math.max(0, n - 1) * interior[axis] + after[axis],
      );
      const out = fill(product(outShape), value);
      const rows = x.length / (shape[shape.length - 1] ?? 1);
      if (!shape.length) return out;
      const outStrides = rowMajor(outShape);
      const first = sum(before.map((n, axis) => n * outStrides[axis]));
      const strides = outStrides.map((stride, axis) => stride * (interior[axis] + 1));
      const { tasks, chunk } = chunks(rows, Math.ceil((CHUNK * rows) / x.length), 1);
      launcher.launch(scatterKernel(shape.length, strides[shape.length - 1] === 1), tasks, {
        x: addressOf(x),
        out: addressOf(out) + first * 4,
        total: rows,
        itemsPerTask: chunk,
        ...namedAxes(sizeName, shape),
        ...namedAxes(strideName, strides),
      });
      return out;
    },

    concat(xs, { outer, sizes, inner }) {
      const rowLength = sum(sizes) * inner;
      const out = allocate(outer * rowLength);
      let first = 0;
      xs.forEach((x, i) => {
        const width = sizes[i] * inner;
        const rowChunks = Math.ceil(width / CHUNK);
        const total = outer * rowChunks;
        const chunkLength = Math.ceil(width / rowChunks);
        const { tasks, chunk } = chunks(total, Math.ceil(CHUNK / chunkLength), 1);
        launcher.launch(copyRowsKernel, tasks, {
          x: addressOf(x),
          out: addressOf(out) + first * 4,
          strideX: width,
          strideOut: rowLength,
          width,
          rowChunks,
          chunkLength,
          total,
          itemsPerTask: chunk,
        });
        first += width;
      });
      return out;
    },
  };
}
