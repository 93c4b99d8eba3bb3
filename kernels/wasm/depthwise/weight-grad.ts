/**
 * The weight gradient of convolutions of one channel a group: a tap's weight gathers dy times what the tap read, one
 * vector of sums for each tap over the whole plane.
 */

import { defineKernel, type KernelContext } from '../emit/kernel.ts';
import { fillRun } from '../emit/loops.ts';
import { I32, V128 } from '../emit/values.ts';
import { type Im2colView, keyOf, tapsOf } from '../gemm/im2col-view.ts';
import {
  eachRows,
  emitCopyPlane,
  emitZeroPlanes,
  type PaddedPlane,
  paddedPlane,
  planeBytes,
  readsOf,
  rowBytes,
} from './planes.ts';

/** Sums that are held in registers at a time. */
const SUMS = 10;

const PARAMS = {
  dy: 'i32',
  x: 'i32',
  out: 'i32',
  scratch: 'i32',
  threadBytes: 'i32',
  images: 'i32',
  partitionImages: 'i32',
  partitionOut: 'i32',
  groups: 'i32',
  itemsPerTask: 'i32',
  groupTasks: 'i32',
} as const;

export const depthwiseGradScratch = (view: Im2colView): number => planeBytes(paddedPlane([view]));

/**
 * x: `[images, groups, ...]`, dy: `[images, groups * rows, ...]`, out: `[groups * rows, taps]`. Task = partition *
 * groupTasks + a stretch of `itemsPerTask` groups; a partition is a stretch of `partitionImages` images, and its result goes to out +
 * partition * partitionOut values.
 */
export const depthwiseGradKernel = (rows: number, view: Im2colView) =>
  defineKernel(`depthwiseGrad ${rows} ${keyOf(view)}`, PARAMS, (context) => {
    const { f, p, task, thread } = context;
    const plane = paddedPlane([view]);
    const taps = tapsOf(view);
    const tapRows = Math.max(1, Math.floor(SUMS / view.tapsX));
    const positions = view.gridHeight * view.gridWidth;
    const partition = f.i32(task.div(p.groupTasks));
    const firstGroup = f.i32(task.rem(p.groupTasks).mul(p.itemsPerTask));
    const firstImage = f.i32(partition.mul(p.partitionImages));
    const padded = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
    const out = f.i32();
    emitZeroPlanes(f, plane, padded, 1);
    f.for(firstGroup, firstGroup.add(p.itemsPerTask).min(p.groups), (group) => {
      const groupOut = f.i32(p.out.add(partition.mul(p.partitionOut).shl(2)).add(group.mul(rows * taps * 4)));
      out.set(groupOut);
      fillRun(f, out, I32.const(rows * taps), 0);
      f.for(firstImage, firstImage.add(p.partitionImages).min(p.images), (image) => {
        const source = image.mul(view.imageStride).add(group.mul(view.height * view.width));
        emitCopyPlane(f, plane, p.x.add(source.shl(2)), padded);
        const item = image.mul(p.groups).add(group);
        const dy = f.i32(p.dy.add(item.mul(rows * positions * 4)));
        out.set(groupOut);
        f.repeat(I32.const(rows), () => {
          for (let tapY = 0; tapY < view.tapsY; tapY += tapRows) {
            emitTaps(context, view, plane, padded, dy, out, [tapY, Math.min(view.tapsY, tapY + tapRows)]);
          }
          dy.set(dy.add(positions * 4));
          out.set(out.add(taps * 4));
        });
      });
    });
  });

/** A vector's first lanes, and zeros. */
const firstLanes = (address: I32, lanes: number, offset: number): V128 =>
  lanes === 4
    ? address.v128(offset)
    : Array.from({ length: lanes }).reduce<V128>(
        (vector, _, lane) => address.lane32(vector, lane, offset + lane * 4),
        V128.const(0),
      );

/** Adds what a plane gives to the weights of tap rows [firstTap, endTap). */
function emitTaps(
  { f, target }: KernelContext<typeof PARAMS>,
  view: Im2colView,
  plane: PaddedPlane,
  padded: I32,
  dy: I32,
  out: I32,
  tapRows: readonly [first: number, end: number],
): void {
  const [firstTap, endTap] = tapRows;
  const { gridWidth, strideY, tapsX } = view;
  const sums = Array.from({ length: (endTap - firstTap) * tapsX }, () => f.v128());
  const value = f.v128();
  for (const sum of sums) sum.set(0);
  eachRows(f, view.gridHeight, (row, rows) => {
    const reads = readsOf(plane, view, rows, tapRows);
    const factors = Array.from({ length: rows }, () => f.v128());
    const from = f.i32(padded.add(row.mul(strideY * rowBytes(plane))));
    const dyAddress = f.i32(dy.add(row.mul(gridWidth * 4)));
    const addVector = (lanes: number) => {
      factors.forEach((factor, i) => {
        factor.set(firstLanes(dyAddress, lanes, i * gridWidth * 4));
      });
      for (const { offset, uses } of reads) {
        value.set(from.v128(offset));
        for (const { row, tap } of uses) {
          const sum = sums[tap - firstTap * tapsX];
          sum.set(value.madd(factors[row], sum, target.fused));
        }
      }
    };
    const rest = gridWidth % 4;
    f.repeat(I32.const((gridWidth - rest) / 4), () => {
      addVector(4);
      dyAddress.set(dyAddress.add(16));
      from.set(from.add(16));
    });
    if (rest) addVector(rest);
  });
  sums.forEach((sum, i) => {
    const offset = (firstTap * tapsX + i) * 4;
    sum.set(sum.add(sum.shuffle(sum, [2, 3, 0, 1])));
    f.store(out, out.f32(offset).add(sum.lane(0)).add(sum.lane(1)), offset);
  });
}
