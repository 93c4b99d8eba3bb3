/**
 * Convolutions of one channel a group, and their input gradients, without packing: a plane is laid out with zeros
 * around it once, and each tap of a block of outputs is one vector of it times a weight.
 */
import type { Conv2dGeometry } from '../../primitives.ts';
import type { ConvGemm } from '../conv2d/lowering.ts';
import { defineKernel, type KernelContext } from '../emit/kernel.ts';
import { I32, type Local, type V128 } from '../emit/values.ts';
import { applyEpilogueRun, type EpilogueForm, hasEpilogue } from '../epilogue.ts';
import { keyOf, tapsOf } from '../gemm/im2col-view.ts';
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

/** Weights of a group at most: each multiply-add of a block of outputs is written out. */
const MOST_WEIGHTS = 128;

/** Whether the depthwise kernels take a convolution: one input channel a group, and few weights for each. */
export const isDepthwise = (g: Conv2dGeometry): boolean =>
  g.inChannels === g.groups && (g.outChannels / g.groups) * g.kernelHeight * g.kernelWidth <= MOST_WEIGHTS;

const PARAMS = {
  weights: 'i32',
  x: 'i32',
  bias: 'i32',
  /** Bytes from an output to what is added to it. */
  residual: 'i32',
  out: 'i32',
  scratch: 'i32',
  threadBytes: 'i32',
  total: 'i32',
  itemsPerTask: 'i32',
  groups: 'i32',
} as const;

const planeOf = (gemms: readonly ConvGemm[]): PaddedPlane => paddedPlane(gemms.map(({ view }) => view));

export const depthwiseScratch = (gemms: readonly ConvGemm[]): number =>
  gemms[0].weights.channels * planeBytes(planeOf(gemms));

/**
 * All products of one pass, over the same planes and into the same ones. An item of work is a group of an image, item =
 * image * groups + group; a task does `itemsPerTask` of the `total`.
 */
export const depthwiseKernel = (gemms: readonly ConvGemm[], epilogue: EpilogueForm) =>
  defineKernel(
    `depthwise ${keyOf(epilogue)} / ${gemms.flatMap((conv) => [conv.weights, conv.view, conv.output].map(keyOf)).join(' / ')}`,
    PARAMS,
    (context) => {
      const { f, p, task, thread } = context;
      const plane = planeOf(gemms);
      const [{ weights, view, output, weightsPerGroup }] = gemms;
      const padded = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
      const most = weights.channels * Math.max(...gemms.map((conv) => tapsOf(conv.view)));
      const taps = Array.from({ length: most }, () => f.v128());
      emitZeroPlanes(f, plane, padded, weights.channels);
      const start = f.i32(task.mul(p.itemsPerTask));
      f.for(start, start.add(p.itemsPerTask).min(p.total), (item) => {
        const [image, group] = [f.i32(item.div(p.groups)), f.i32(item.rem(p.groups))];
        const channelBytes = view.height * view.width * 4;
        const x = f.i32(
          p.x.add(image.mul(view.imageStride * 4)).add(group.mul(weights.channels * channelBytes)),
        );
        for (let channel = 0; channel < weights.channels; channel++) {
          emitCopyPlane(f, plane, x.add(channel * channelBytes), padded.add(channel * planeBytes(plane)));
        }
        f.for(0, weights.rows, (row) => {
          const channel = f.i32(group.mul(weights.rows).add(row));
          const out = f.i32(
            p.out.add(image.mul(output.imageStride * 4)).add(channel.mul(output.height * output.width * 4)),
          );
          const w = f.i32(p.weights.add(group.mul(weightsPerGroup).add(row.mul(weights.row)).shl(2)));
          for (const conv of gemms) {
            loadWeights(conv, w, taps);
            emitOutputs(context, conv, plane, padded, taps, out);
          }
          if (hasEpilogue(epilogue)) {
            const size = I32.const(output.height * output.width);
            applyEpilogueRun(f, epilogue, size, out, p.bias.add(channel.shl(2)), p.residual);
          }
        });
      });
    },
  );

/** Sets taps[(channel * tapsY + tapY) * tapsX + tapX]. */
function loadWeights({ weights, view }: ConvGemm, w: I32, taps: readonly Local<V128>[]): void {
  const count = tapsOf(view);
  for (let i = 0; i < weights.channels * count; i++) {
    const [channel, tap] = [Math.floor(i / count), i % count];
    const [tapY, tapX] = [Math.floor(tap / view.tapsX), tap % view.tapsX];
    const index = channel * weights.channel + tapY * weights.tapY + tapX * weights.tapX + weights.offset;
    taps[i].set(w.splat32(index * 4));
  }
}

/** The outputs of one product and one channel; the last columns of a row overlap those before. */
function emitOutputs(
  { f, target }: KernelContext<typeof PARAMS>,
  { weights, view, output, grid }: ConvGemm,
  plane: PaddedPlane,
  padded: I32,
  taps: readonly Local<V128>[],
  out: I32,
): void {
  // Pairs of vectors, loaded, summed and stored alike, are what V8's revectoriser looks for.
  const vectors = target.wide && output.strideX === 1 && grid.width >= 8 ? 2 : 1;
  const values = Array.from({ length: vectors }, () => f.v128());
  const lastColumn = Math.max(0, grid.width - 4 * vectors);
  const lineBytes = output.width * output.strideY * 4;
  const [from, to, column] = [f.i32(), f.i32(), f.i32()];
  eachRows(f, grid.height, (row, rows) => {
    const sums = Array.from({ length: rows }, () => values.map(() => f.v128()));
    const reads = readsOf(plane, view, rows);
    const line = f.i32(padded.add(row.mul(view.strideY * rowBytes(plane))));
    const first = row.mul(output.strideY).add(output.originY).mul(output.width).add(output.originX);
    const outLine = f.i32(out.add(first.shl(2)));
    const eachSum = (visit: (sum: Local<V128>, row: number, vector: number) => void) =>
      sums.forEach((line, row) => {
        line.forEach((sum, vector) => {
          visit(sum, row, vector);
        });
      });
    const visitColumns = (next: I32) => {
      column.set(next.min(lastColumn));
      from.set(line.add(column.shl(2)));
      to.set(outLine.add(column.mul(output.strideX * 4)));
      eachSum((sum) => sum.set(0));
      for (let channel = 0; channel < weights.channels; channel++) {
        for (const { offset, uses } of reads) {
          values.forEach((value, v) => {
            value.set(from.v128(channel * planeBytes(plane) + offset + v * 16));
          });
          for (const { row, tap } of uses) {
            const weight = taps[channel * tapsOf(view) + tap];
            sums[row].forEach((sum, v) => {
              sum.set(values[v].madd(weight, sum, target.fused));
            });
          }
        }
      }
      const whole = output.strideX === 1 && grid.width >= 4;
      eachSum((sum, row, vector) => {
        if (whole) return f.store(to, sum, row * lineBytes + vector * 16);
        for (let lane = 0; lane < Math.min(4, grid.width); lane++) {
          f.storeLane(to, sum, lane, row * lineBytes + lane * output.strideX * 4);
        }
      });
    };
    f.for(0, grid.width, visitColumns, 4 * vectors);
  });
}
