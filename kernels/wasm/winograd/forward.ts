/** 3x3 convolutions of stride 1, and their input gradients, by Winograd's F(4x4, 3x3) (see transforms.ts). */
import type { FunctionBuilder } from '../emit/assembler.ts';
import { defineKernel, type Target } from '../emit/kernel.ts';
import { fillRun } from '../emit/loops.ts';
import { transpose } from '../emit/transpose.ts';
import { I32, type V128 } from '../emit/values.ts';
import { applyEpilogue, type EpilogueForm } from '../epilogue.ts';
import { keyOf } from '../gemm/im2col-view.ts';
import type { TileShape } from '../gemm/micro-kernel.ts';
import type { StridedMatrix } from '../gemm/pack.ts';
import { GROUP_ENTRY, layoutOf, ROW_ENTRY, type Winograd, weightPointBytes } from './plan.ts';
import { emitColumns, emitLines, stripBytes, stripWidth } from './tiles.ts';
import {
  ALPHA,
  ALPHA_SQUARED,
  inputTransform,
  outputTransform,
  TILE,
  transform2d,
  weightTransform,
} from './transforms.ts';

/** Task = panel: transforms its rows of weights to `[36][panels][channels][shape.rows]`. */
export const winogradWeightsKernel = (a: StridedMatrix, shape: TileShape) =>
  defineKernel(
    `winograd weights ${keyOf(a)} / ${shape.rows}`,
    { x: 'i32', out: 'i32' },
    ({ f, p, task, target }) => {
      const pointBytes = weightPointBytes(a, shape);
      const row = f.i32(task.mul(shape.rows));
      const base = f.i32(p.x.add(a.offset * 4));
      for (let first = 0; first < shape.rows; first += 4) {
        const lanes = [0, 1, 2, 3].map((l) =>
          f.i32(
            base.add(
              row
                .add(first + l)
                .min(a.rows - 1)
                .mul(a.row * 4),
            ),
          ),
        );
        const out = f.i32(p.out.add(task.mul(a.channels * shape.rows * 4)).add(first * 4));
        f.repeat(I32.const(a.channels), () => {
          const taps = [0, 1, 2].map((ty) =>
            [0, 1, 2].map((tx) => {
              const tapOffset = (ty * a.tapY + tx * a.tapX) * 4;
              const gathered = lanes
                .slice(1)
                .reduce<V128>(
                  (vector, lane, l) => lane.add(tapOffset).lane32(vector, l + 1),
                  lanes[0].add(tapOffset).splat32(),
                );
              return f.v128(gathered);
            }),
          );
          transform2d(f, taps, weightTransform, target.fused)
            .flat()
            .forEach((value, point) => {
              if (first + 4 <= shape.rows) f.store(out, value, point * pointBytes);
              else {
                for (let lane = 0; first + lane < shape.rows; lane++) {
                  f.storeLane(out, value, lane, point * pointBytes + lane * 4);
                }
              }
            });
          for (const lane of lanes) lane.set(lane.add(a.channel * 4));
          out.set(out.add(shape.rows * 4));
        });
      }
    },
  );

const PARAMS = {
  weights: 'i32',
  x: 'i32',
  bias: 'i32',
  /** Bytes from an output to what is added to it. */
  residual: 'i32',
  out: 'i32',
  scratch: 'i32',
  threadBytes: 'i32',
  tileRows: 'i32',
  tileTasks: 'i32',
  taskRows: 'i32',
} as const;

/**
 * Task = row task * tileTasks + tile task: `taskTileRows` rows of tiles, counted over all images, and `taskRows` output
 * channels, a multiple of blockRows.
 */
export const winogradKernel = (w: Winograd, shape: TileShape) =>
  defineKernel(
    `winograd ${keyOf(w.weights)} / ${keyOf(w.source)} / ${keyOf(w.output)} / ${keyOf(w.epilogue)} ${w.taskTileRows} ${w.blockRows} ${keyOf(shape)}`,
    PARAMS,
    ({ f, p, task, thread, imports, target }) => {
      const { channels, rows } = w.weights;
      const { source, output, epilogue } = w;
      const layout = layoutOf(w, shape);
      const { tiles, panelBytes, pointBytes, rowBytes, blockBytes, outLineBytes, parts } = layout;
      const planeBytes = output.height * output.width * 4;
      const rowTable = f.i32(p.scratch.add(thread.mul(p.threadBytes)));
      const groupTable = f.i32(rowTable.add(parts.rowTable));
      const zeros = f.i32(groupTable.add(parts.groupTable));
      const strips = f.i32(zeros.add(parts.zeros));
      const results = f.i32(strips.add(parts.strips));
      const input = f.i32(results.add(parts.results));
      const products = f.i32(input.add(parts.input));
      const firstTileRow = f.i32(task.rem(p.tileTasks).mul(w.taskTileRows));
      const tileRows = f.i32(p.tileRows.sub(firstTileRow).min(w.taskTileRows));
      const firstRow = f.i32(task.div(p.tileTasks).mul(p.taskRows));
      const endRow = f.i32(firstRow.add(p.taskRows).min(rows));

      fillRun(f, f.i32(zeros), I32.const((parts.zeros + parts.strips) / 4), 0);
      const row = f.i32();
      f.for(0, tileRows, (r) => {
        const tileRow = f.i32(firstTileRow.add(r));
        row.set(rowTable.add(r.mul(ROW_ENTRY)));
        emitLines(f, source, tileRow, p.x, zeros, (line, address, mask) => {
          f.store(row, address, line * 8);
          f.store(row, mask, line * 8 + 4);
        });
        const top = f.i32(tileRow.rem(source.tileRows).mul(TILE));
        const outOffset = tileRow.div(source.tileRows).mul(output.imageStride).add(top.mul(output.width));
        f.store(row, p.out.add(outOffset.shl(2)), 48);
        f.store(row, I32.const(output.height).sub(top).min(TILE), 52);
      });
      const group = f.i32(groupTable);
      const tile = f.i32(0);
      f.repeat(I32.const(tiles / 4), () => {
        const to = tile.div(shape.columns).mul(panelBytes).add(tile.rem(shape.columns).shl(2));
        f.store(group, to, 16);
        for (let lane = 0; lane < 4; lane++) {
          const r = f.i32(tile.add(lane).div(source.tileColumns));
          const x = f.i32(tile.add(lane).rem(source.tileColumns).shl(4));
          const from = r.min(w.taskTileRows - 1).mul(stripBytes(source));
          f.store(group, strips.add(from).add(x), lane * 4);
          const result = r.lt(tileRows).select(r, I32.const(w.taskTileRows));
          f.store(group, results.add(result.mul(TILE * outLineBytes)).add(x), 20 + lane * 4);
        }
        group.set(group.add(GROUP_ENTRY));
        tile.set(tile.add(4));
      });

      const usedTiles = f.i32(tileRows.mul(source.tileColumns));
      const groups = f.i32(usedTiles.add(3).div(4));
      f.for(0, channels, (channel) => {
        const plane = f.i32(channel.mul(source.height * source.width * 4));
        const strip = f.i32(strips);
        row.set(rowTable);
        f.repeat(tileRows, () => {
          const lines = Array.from({ length: ALPHA }, (_, line) =>
            f.i32(row.i32(line * 8).add(row.i32(line * 8 + 4).and(plane))),
          );
          emitColumns(f, source, lines, strip, inputTransform, target.fused);
          strip.set(strip.add(stripBytes(source)));
          row.set(row.add(ROW_ENTRY));
        });
        const packed = f.i32(input.add(channel.mul(shape.columns * 4)));
        group.set(groupTable);
        f.repeat(groups, () => {
          const lanes = [0, 1, 2, 3].map((lane) => f.i32(group.i32(lane * 4)));
          const to = f.i32(packed.add(group.i32(16)));
          for (let u = 0; u < ALPHA; u++) {
            const load = (offset: number) =>
              lanes.map((lane) => f.v128(lane.v128(u * stripWidth(source) * 4 + offset)));
            const columns = [...transpose(f, load(0)), ...transpose(f, load(16)).slice(0, 2)];
            inputTransform(f, columns, target.fused).forEach((value, v) => {
              f.store(to, value, (u * ALPHA + v) * pointBytes);
            });
          }
          group.set(group.add(GROUP_ENTRY));
        });
      });

      const usedPanels = f.i32(usedTiles.add(shape.columns - 1).div(shape.columns));
      f.for(
        firstRow,
        endRow,
        (blockRow) => {
          const blockEnd = f.i32(blockRow.add(w.blockRows).min(endRow));
          f.for(0, ALPHA_SQUARED, (point) =>
            f.for(0, usedPanels, (panel) => {
              const b = f.i32(input.add(point.mul(pointBytes)).add(panel.mul(panelBytes)));
              const a = f.i32(
                p.weights.add(point.mul(weightPointBytes(w.weights, shape))).add(blockRow.mul(channels * 4)),
              );
              const c = f.i32(products.add(point.mul(blockBytes)).add(panel.mul(shape.columns * 4)));
              f.for(
                blockRow,
                blockEnd,
                () => {
                  f.call(imports.tile, a, b, c, rowBytes, channels, 0);
                  a.set(a.add(channels * shape.rows * 4));
                  c.set(c.add(shape.rows * rowBytes));
                },
                shape.rows,
              );
            }),
          );
          f.for(blockRow, blockEnd, (outRow) => {
            const sums = f.i32(products.add(outRow.sub(blockRow).mul(rowBytes)));
            const bias = epilogue.bias === 'row' ? f.v128(p.bias.add(outRow.shl(2)).splat32()) : null;
            group.set(groupTable);
            f.repeat(groups, () => {
              emitResults(f, sums, group, blockBytes, outLineBytes, target);
              sums.set(sums.add(16));
              group.set(group.add(GROUP_ENTRY));
            });
            const from = f.i32(results);
            row.set(rowTable);
            f.repeat(tileRows, () => {
              const to = f.i32(row.i32(48).add(outRow.mul(planeBytes)));
              const line = f.i32(from);
              f.repeat(row.i32(52), () => {
                emitLine(f, epilogue, line, to, output.width, bias, p.residual);
                line.set(line.add(outLineBytes));
                to.set(to.add(output.width * 4));
              });
              from.set(from.add(TILE * outLineBytes));
              row.set(row.add(ROW_ENTRY));
            });
          });
        },
        w.blockRows,
      );
    },
  );

/** Transforms the products of four tiles back into their 4x4 outputs. */
function emitResults(
  f: FunctionBuilder,
  sums: I32,
  group: I32,
  pointBytes: number,
  lineBytes: number,
  { fused }: Target,
): void {
  const products = Array.from({ length: ALPHA }, (_, u) =>
    Array.from({ length: ALPHA }, (_, v) => f.v128(sums.v128((u * ALPHA + v) * pointBytes))),
  );
  const lanes = [0, 1, 2, 3].map((lane) => f.i32(group.i32(20 + lane * 4)));
  transform2d(f, products, outputTransform, fused).forEach((line, i) => {
    transpose(f, line).forEach((value, lane) => {
      f.store(lanes[lane], value, i * lineBytes);
    });
  });
}

/** Writes a line of `width` sums to the output, with the epilogue applied. */
function emitLine(
  f: FunctionBuilder,
  epilogue: EpilogueForm,
  from: I32,
  to: I32,
  width: number,
  bias: V128 | null,
  residual: I32,
): void {
  const added = epilogue.residual ? f.i32(to.add(residual)) : null;
  if (width < 4) {
    for (let x = 0; x < width; x++) {
      const sum = applyEpilogue(epilogue, from.splat32(x * 4), bias, added?.splat32(x * 4));
      f.storeLane(to, sum, 0, x * 4);
    }
    return;
  }
  const offset = f.i32(0);
  f.while(offset.lt(16 * Math.floor(width / 4)), () => {
    const sum = applyEpilogue(epilogue, from.add(offset).v128(), bias, added?.add(offset).v128());
    f.store(to.add(offset), sum);
    offset.set(offset.add(16));
  });
  if (width % 4 > 0) {
    const last = (width - 4) * 4;
    f.store(to, applyEpilogue(epilogue, from.v128(last), bias, added?.v128(last)), last);
  }
}
