/**
 * The weight gradient of convolutions of one channel a group: a tap's weight gathers dy times what the tap read, one
 * vector of sums for each tap over the whole plane.
 */

import { defineKernel, type Emission } from '../emit/kernel.ts';
import { fillRun } from '../emit/loops.ts';
import { I32, V128 } from '../emit/values.ts';
import { keyOf, tapsOf, type Window } from '../gemm/im2col-view.ts';
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
  partImages: 'i32',
  partOut: 'i32',
  groups: 'i32',
  units: 'i32',
  groupTasks: 'i32',
} as const;

export const depthwiseGradScratch = (window: Window): number => planeBytes(paddedPlane([window]));

/**
 * x: `[images, groups, ...]`, dy: `[images, groups * rows, ...]`, out: `[groups * rows, taps]`. Task = part *
 * groupTasks + a stretch of `units` groups; a part is a stretch of `partImages` images, and its result goes to out +
 * part * partOut values.
 */
export const depthwiseGradKernel = (rows: number, window: Window) =>
  defineKernel(`depthwiseGrad ${rows} ${keyOf(window)}`, PARAMS, (emission) => {
    const { f, p, task, thread } = emission;
    const plane = paddedPlane([window]);
    const taps = tapsOf(window);
    const tapRows = Math.max(1, Math.floor(SUMS / window.tapsX));
    const positions = window.gridHeight * window.gridWidth;
    const part = f.i32(task.div(p.groupTasks));
    const firstGroup = f.i32(task.rem(p.groupTasks).mul(p.units));
    const firstImage = f.i32(part.mul(p.partImages));
    const padded = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
    const out = f.i32();
    emitZeroPlanes(f, plane, padded, 1);
    f.for(firstGroup, firstGroup.add(p.units).min(p.groups), (group) => {
      const groupOut = f.i32(p.out.add(part.mul(p.partOut).shl(2)).add(group.mul(rows * taps * 4)));
      out.set(groupOut);
      fillRun(f, out, I32.const(rows * taps), 0);
      f.for(firstImage, firstImage.add(p.partImages).min(p.images), (image) => {
        const source = image.mul(window.imageStride).add(group.mul(window.height * window.width));
        emitCopyPlane(f, plane, p.x.add(source.shl(2)), padded);
        const unit = image.mul(p.groups).add(group);
        const dy = f.i32(p.dy.add(unit.mul(rows * positions * 4)));
        out.set(groupOut);
        f.repeat(I32.const(rows), () => {
          for (let tapY = 0; tapY < window.tapsY; tapY += tapRows) {
            emitTaps(emission, window, plane, padded, dy, out, [
              tapY,
              Math.min(window.tapsY, tapY + tapRows),
            ]);
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
  { f, target }: Emission<typeof PARAMS>,
  window: Window,
  plane: PaddedPlane,
  padded: I32,
  dy: I32,
  out: I32,
  tapRows: readonly [first: number, end: number],
): void {
  const [firstTap, endTap] = tapRows;
  const { gridWidth, strideY, tapsX } = window;
  const sums = Array.from({ length: (endTap - firstTap) * tapsX }, () => f.v128());
  const value = f.v128();
  for (const sum of sums) sum.set(0);
  eachRows(f, window.gridHeight, (row, rows) => {
    const reads = readsOf(plane, window, rows, tapRows);
    const factors = Array.from({ length: rows }, () => f.v128());
    const from = f.i32(padded.add(row.mul(strideY * rowBytes(plane))));
    const dyAt = f.i32(dy.add(row.mul(gridWidth * 4)));
    const addVector = (lanes: number) => {
      factors.forEach((factor, i) => {
        factor.set(firstLanes(dyAt, lanes, i * gridWidth * 4));
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
      dyAt.set(dyAt.add(16));
      from.set(from.add(16));
    });
    if (rest) addVector(rest);
  });
  sums.forEach((sum, i) => {
    const at = (firstTap * tapsX + i) * 4;
    sum.set(sum.add(sum.shuffle(sum, [2, 3, 0, 1])));
    f.store(out, out.f32(at).add(sum.lane(0)).add(sum.lane(1)), at);
  });
}
