/**
 * Convolutions of one channel a group, and their input gradients, without packing: a plane is laid out with zeros
 * around it once, and each tap of a block of outputs is one vector of it times a weight.
 */
import type { Conv2dGeometry } from '../../primitives.ts';
import type { ConvProduct } from '../conv2d/lowering.ts';
import { defineKernel, type Emission } from '../emit/kernel.ts';
import { I32, type Local, type V128 } from '../emit/values.ts';
import { type Ending, endRun, hasEnding } from '../epilogue.ts';
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
  units: 'i32',
  groups: 'i32',
} as const;

const planeOf = (products: readonly ConvProduct[]): PaddedPlane =>
  paddedPlane(products.map(({ window }) => window));

export const depthwiseScratch = (products: readonly ConvProduct[]): number =>
  products[0].weights.channels * planeBytes(planeOf(products));

/**
 * All products of one pass, over the same planes and into the same ones. A group of an image is a unit of work, unit =
 * image * groups + group; a task does `units` of the `total`.
 */
export const depthwiseKernel = (products: readonly ConvProduct[], ending: Ending) =>
  defineKernel(
    `depthwise ${keyOf(ending)} / ${products.flatMap((conv) => [conv.weights, conv.window, conv.output].map(keyOf)).join(' / ')}`,
    PARAMS,
    (emission) => {
      const { f, p, task, thread } = emission;
      const plane = planeOf(products);
      const [{ weights, window, output, weightsPerGroup }] = products;
      const padded = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
      const most = weights.channels * Math.max(...products.map((conv) => tapsOf(conv.window)));
      const taps = Array.from({ length: most }, () => f.v128());
      emitZeroPlanes(f, plane, padded, weights.channels);
      const start = f.i32(task.mul(p.units));
      f.for(start, start.add(p.units).min(p.total), (unit) => {
        const [image, group] = [f.i32(unit.div(p.groups)), f.i32(unit.rem(p.groups))];
        const places = window.height * window.width * 4;
        const x = f.i32(p.x.add(image.mul(window.imageStride * 4)).add(group.mul(weights.channels * places)));
        for (let channel = 0; channel < weights.channels; channel++) {
          emitCopyPlane(f, plane, x.add(channel * places), padded.add(channel * planeBytes(plane)));
        }
        f.for(0, weights.rows, (row) => {
          const channel = f.i32(group.mul(weights.rows).add(row));
          const out = f.i32(
            p.out.add(image.mul(output.imageStride * 4)).add(channel.mul(output.height * output.width * 4)),
          );
          const w = f.i32(p.weights.add(group.mul(weightsPerGroup).add(row.mul(weights.row)).shl(2)));
          for (const conv of products) {
            loadWeights(conv, w, taps);
            emitOutputs(emission, conv, plane, padded, taps, out);
          }
          if (hasEnding(ending)) {
            const size = I32.const(output.height * output.width);
            endRun(f, ending, size, out, p.bias.add(channel.shl(2)), p.residual);
          }
        });
      });
    },
  );

/** Sets taps[(channel * tapsY + tapY) * tapsX + tapX]. */
function loadWeights({ weights, window }: ConvProduct, w: I32, taps: readonly Local<V128>[]): void {
  const count = tapsOf(window);
  for (let i = 0; i < weights.channels * count; i++) {
    const [channel, tap] = [Math.floor(i / count), i % count];
    const [tapY, tapX] = [Math.floor(tap / window.tapsX), tap % window.tapsX];
    const at = channel * weights.channel + tapY * weights.tapY + tapX * weights.tapX + weights.offset;
    taps[i].set(w.splat32(at * 4));
  }
}

/** The outputs of one product and one channel; the last columns of a row overlap those before. */
function emitOutputs(
  { f, target }: Emission<typeof PARAMS>,
  { weights, window, output, grid }: ConvProduct,
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
    const reads = readsOf(plane, window, rows);
    const line = f.i32(padded.add(row.mul(window.strideY * rowBytes(plane))));
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
            const weight = taps[channel * tapsOf(window) + tap];
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
