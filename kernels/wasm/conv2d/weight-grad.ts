/**
 * The weight gradient of a convolution: dW[o, c, tap] = sum over images and positions of dy[o, position] x[c, tap of
 * position], a product along the positions. Both operands are transposed as they are packed.
 */
import type { FunctionBuilder } from '../emit/assembler.ts';
import { defineKernel } from '../emit/kernel.ts';
import { transpose } from '../emit/transpose.ts';
import { I32, type Local } from '../emit/values.ts';
import { emitViewGroup, type Im2colView, keyOf, tapsOf } from '../gemm/im2col-view.ts';
import type { TileShape } from '../gemm/micro-kernel.ts';
import { type Panels, panelsOf, storeInPanels } from '../gemm/panels.ts';
import { ceilTo } from '../tasks.ts';

export interface WeightGrad {
  /** Output channels and input channels of a group. */
  readonly rows: number;
  readonly channels: number;
  /** How dy and x are read. */
  readonly rowView: Im2colView;
  readonly view: Im2colView;
  /** Output and input channels of one task, and the positions that it packs at a time, a multiple of 4. */
  readonly taskRows: number;
  readonly taskChannels: number;
  readonly block: number;
}

const PARAMS = {
  dy: 'i32',
  x: 'i32',
  out: 'i32',
  scratch: 'i32',
  threadBytes: 'i32',
  columns: 'i32',
  partitionColumns: 'i32',
  partitionOut: 'i32',
  groups: 'i32',
  groupDy: 'i32',
  groupX: 'i32',
} as const;

const layoutOf = (w: WeightGrad, shape: TileShape) => {
  const a: Panels = { width: shape.rows, panelBytes: w.block * shape.rows * 4 };
  const b: Panels = { width: shape.columns, panelBytes: w.block * shape.columns * 4 };
  const columns = w.taskChannels * tapsOf(w.view);
  const sumRowBytes = ceilTo(columns, shape.columns) * 4;
  const parts = {
    gathered: ceilTo(Math.max(w.taskRows, columns), 4) * 16,
    a: panelsOf(w.taskRows, shape.rows) * a.panelBytes,
    b: panelsOf(columns, shape.columns) * b.panelBytes,
    sums: ceilTo(w.taskRows, shape.rows) * sumRowBytes,
  };
  return { a, b, sumRowBytes, parts };
};

export const weightGradScratch = (w: WeightGrad, shape: TileShape): number =>
  Object.values(layoutOf(w, shape).parts).reduce((sum, bytes) => sum + bytes, 0);
export const weightGradTasks = (w: WeightGrad): number =>
  Math.ceil(w.rows / w.taskRows) * Math.ceil(w.channels / w.taskChannels);

/**
 * Task = ((partition * groups + group) * row blocks + row block) * channel blocks + channel block. A partition is a stretch of
 * `partitionColumns` positions; its result goes to out + partition * partitionOut values. Group strides are in values.
 */
export const weightGradKernel = (w: WeightGrad, shape: TileShape) =>
  defineKernel(
    `weightGrad ${w.rows} ${w.channels} ${keyOf(w.rowView)} / ${keyOf(w.view)} / ${w.taskRows} ${w.taskChannels} ${w.block} ${keyOf(shape)}`,
    PARAMS,
    ({ f, p, task, thread, imports }) => {
      const taps = tapsOf(w.view);
      const layout = layoutOf(w, shape);
      const { sumRowBytes, parts } = layout;
      const channelBlocks = Math.ceil(w.channels / w.taskChannels);
      const rowBlocks = Math.ceil(w.rows / w.taskRows);
      const channel = f.i32(task.rem(channelBlocks).mul(w.taskChannels));
      const channels = f.i32(I32.const(w.channels).sub(channel).min(w.taskChannels));
      const rest = f.i32(task.div(channelBlocks));
      const row = f.i32(rest.rem(rowBlocks).mul(w.taskRows));
      const rows = f.i32(I32.const(w.rows).sub(row).min(w.taskRows));
      rest.set(rest.div(rowBlocks));
      const group = f.i32(rest.rem(p.groups));
      const partition = f.i32(rest.div(p.groups));
      const dyOffset = group.mul(p.groupDy).add(row.mul(w.rowView.height * w.rowView.width));
      const dy = f.i32(p.dy.add(dyOffset.shl(2)));
      const xOffset = group.mul(p.groupX).add(channel.mul(w.view.height * w.view.width));
      const x = f.i32(p.x.add(xOffset.shl(2)));
      const groupOut = group.mul(w.rows).add(row).mul(w.channels).add(channel).mul(taps);
      const out = f.i32(p.out.add(partition.mul(p.partitionOut).add(groupOut).shl(2)));
      const gathered = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
      const packedA = f.i32(gathered.add(parts.gathered));
      const packedB = f.i32(packedA.add(parts.a));
      const sums = f.i32(packedB.add(parts.b));

      const columns = f.i32(channels.mul(taps));
      const start = f.i32(partition.mul(p.partitionColumns));
      const end = f.i32(start.add(p.partitionColumns).min(p.columns));
      const [a, b, c] = [f.i32(), f.i32(), f.i32()];
      f.for(
        start,
        end,
        (first) => {
          const blockEnd = f.i32(first.add(w.block).min(end));
          const count = f.i32(blockEnd.sub(first));
          f.for(
            0,
            count,
            (k) => {
              const column = f.i32(first.add(k));
              const pack = (view: Im2colView, source: I32, planes: I32, packed: I32, panels: Panels) =>
                packFour(f, { view, source, planes, gathered, packed, panels, k }, column, blockEnd);
              pack(w.rowView, dy, rows, packedA, layout.a);
              pack(w.view, x, channels, packedB, layout.b);
            },
            4,
          );
          b.set(packedB);
          f.for(
            0,
            columns,
            (column) => {
              a.set(packedA);
              c.set(sums.add(column.shl(2)));
              f.for(
                0,
                rows,
                () => {
                  f.call(imports.tile, a, b, c, sumRowBytes, count, first.ne(start));
                  a.set(a.add(layout.a.panelBytes));
                  c.set(c.add(shape.rows * sumRowBytes));
                },
                shape.rows,
              );
              b.set(b.add(layout.b.panelBytes));
            },
            shape.columns,
          );
        },
        w.block,
      );

      f.for(0, rows, (i) => {
        const to = out.add(i.mul(w.channels * taps * 4));
        f.copyMemory(to, sums.add(i.mul(sumRowBytes)), columns.shl(2));
      });
    },
  );

interface Packing {
  readonly view: Im2colView;
  readonly source: I32;
  /** Planes to read. */
  readonly planes: I32;
  /** Where the values are kept until they are transposed. */
  readonly gathered: I32;
  readonly packed: I32;
  readonly panels: Panels;
  /** The index of the first position in the block. */
  readonly k: I32;
}

/** Packs four positions of every plane and tap, as channel plane * taps + tap. */
function packFour(f: FunctionBuilder, packing: Packing, column: Local<I32>, columns: I32): void {
  const { view, source, planes, gathered, packed, panels, k } = packing;
  const taps = tapsOf(view);
  const address = f.i32();
  emitViewGroup(f, view, source, column, columns, (tap, load, next) => {
    address.set(gathered.add(tap.shl(4)));
    f.repeat(planes, () => {
      f.store(address, load());
      next();
      address.set(address.add(taps * 16));
    });
  });
  const start = f.i32(packed.add(k.mul(panels.width * 4)));
  address.set(gathered);
  f.for(
    0,
    planes.mul(taps),
    (channel) => {
      const store = storeInPanels(f, panels, start, channel);
      const vectors = [0, 1, 2, 3].map((i) => f.v128(address.v128(i * 16)));
      store(I32.const(0), transpose(f, vectors), (position) => position * panels.width * 4);
      address.set(address.add(64));
    },
    4,
  );
}
