import type { MaxPool2dGeometry } from '../../primitives.ts';
import { defineKernel } from '../emit/kernel.ts';
import { fillRun } from '../emit/loops.ts';
import { I32, V128 } from '../emit/values.ts';
import { eachOutput, keyOf, PARAMS, pixels } from './planes.ts';

/** Windows of more pixels are searched by a loop. */
const MOST_UNROLLED = 16;

/** Whether a later value replaces the best one: where it is greater, or the first NaN. */
const beats = (value: V128, best: V128): V128 => value.gt(best).or(value.ne(value).and(best.eq(best)));

/**
 * Input: x; outputs: out and the winners' positions, indices. The first of equals wins, a NaN beats all. A window whose
 * dilation steps over every pixel has no winner: -Infinity, as PyTorch's, at position -1, which gets no gradient.
 */
export const maxPoolKernel = (g: MaxPool2dGeometry) =>
  defineKernel(`maxPool ${keyOf(g)}`, PARAMS, (context) => {
    const { f, p } = context;
    const [x, out, indices, row, column, position] = Array.from({ length: 6 }, () => f.i32());
    const [best, value, winner, wins] = Array.from({ length: 4 }, () => f.v128());
    const stride = g.strideWidth;
    /** The positions of four neighbouring windows' pixels. */
    const positions = (first: I32) =>
      first
        .toF32()
        .splat()
        .add(V128.lanes([0, stride, 2 * stride, 3 * stride]));
    const span = { stride, padding: g.paddingWidth, reach: (g.kernelWidth - 1) * g.dilationWidth };
    eachOutput(
      context,
      g,
      span,
      (input, output) => {
        x.set(p.x.add(input));
        out.set(p.out.add(output));
        indices.set(p.indices.add(output));
      },
      (oy, ox, four) => {
        const top = f.i32(oy.mul(g.strideHeight).sub(g.paddingHeight));
        const left = f.i32(ox.mul(stride).sub(g.paddingWidth));
        /** Of windows that may reach outside, tap by tap. */
        const search = () => {
          winner.set(-1);
          best.set(-Infinity);
          const meet = () => {
            position.set(row.mul(g.inWidth).add(column));
            value.set(pixels(f.i32(x.add(position.shl(2))), stride, four));
            wins.set(beats(value, best).or(winner.lt(0)));
            best.set(wins.choose(value, best));
            winner.set(wins.choose(positions(position), winner));
          };
          row.set(top);
          f.repeat(I32.const(g.kernelHeight), () => {
            f.if(row.below(g.inHeight), () => {
              column.set(left);
              f.repeat(I32.const(g.kernelWidth), () => {
                if (four) meet();
                else f.if(column.below(g.inWidth), meet);
                column.set(column.add(g.dilationWidth));
              });
            });
            row.set(row.add(g.dilationHeight));
          });
        };
        /** Of windows that lie inside: the winner is counted from the first pixel. */
        const searchInside = () => {
          position.set(top.mul(g.inWidth).add(left));
          const first = f.i32(x.add(position.shl(2)));
          best.set(pixels(first, stride, true));
          winner.set(0);
          for (let tap = 1; tap < g.kernelHeight * g.kernelWidth; tap++) {
            const ky = Math.floor(tap / g.kernelWidth);
            const offset = ky * g.dilationHeight * g.inWidth + (tap % g.kernelWidth) * g.dilationWidth;
            value.set(pixels(first, stride, true, offset * 4));
            wins.set(beats(value, best));
            best.set(wins.choose(value, best));
            winner.set(wins.choose(V128.const(offset), winner));
          }
          winner.set(winner.add(positions(position)));
        };
        const bottom = top.add((g.kernelHeight - 1) * g.dilationHeight);
        if (four && g.kernelHeight * g.kernelWidth <= MOST_UNROLLED) {
          f.if(top.ge(0).and(bottom.lt(g.inHeight)), searchInside, search);
        } else search();
        if (four) f.store(out, best);
        else f.storeLane(out, best, 0);
        if (four) f.store(indices, winner);
        else f.storeLane(indices, winner, 0);
        out.set(out.add(four ? 16 : 4));
        indices.set(indices.add(four ? 16 : 4));
      },
    );
  });

/** Inputs: dy as x, and indices; out is dx. */
export const maxPoolGradKernel = (g: MaxPool2dGeometry) =>
  defineKernel(`maxPoolGrad ${keyOf(g)}`, PARAMS, ({ f, p, task }) => {
    const inputs = g.inHeight * g.inWidth;
    const outputs = g.outHeight * g.outWidth;
    const start = f.i32(task.mul(p.itemsPerTask));
    f.for(start, start.add(p.itemsPerTask).min(p.planes), (plane) => {
      const dx = f.i32(p.out.add(plane.mul(inputs * 4)));
      fillRun(f, f.i32(dx), I32.const(inputs), 0);
      const offset = f.i32(plane.mul(outputs * 4));
      const [target, winner] = [f.i32(), f.i32()];
      f.repeat(I32.const(outputs), () => {
        winner.set(p.indices.add(offset).f32().toI32());
        f.if(winner.ge(0), () => {
          target.set(dx.add(winner.shl(2)));
          f.store(target, target.f32().add(p.x.add(offset).f32()));
        });
        offset.set(offset.add(4));
      });
    });
  });
