/**
 * Operands whose k runs along positions, packed for the micro-kernel as `[panels][k][width]`, are written four
 * channels at a time. Where the width is no multiple of four, these may lie in two panels, but never three.
 */
import type { FunctionBuilder } from '../emit/assembler.ts';
import type { I32, V128 } from '../emit/values.ts';

export interface Panels {
  /** Channels of a panel, an even number. */
  readonly width: number;
  readonly panelBytes: number;
}

/** Panels that hold `channels`, rounded up to whole groups of four. */
export const panelsOf = (channels: number, width: number): number =>
  Math.ceil((Math.ceil(channels / 4) * 4) / width);

/**
 * The place of the channels `first` to first + 3 (`first` a multiple of 4) in the panels at `start`: writes them, moved
 * on by `step` bytes (a variable) and `offset`.
 */
export function storeInPanels(f: FunctionBuilder, { width, panelBytes }: Panels, start: I32, first: I32) {
  const place = (channel: I32) =>
    f.i32(start.add(channel.div(width).mul(panelBytes)).add(channel.rem(width).shl(2)));
  const low = place(first);
  const high = width % 4 === 0 ? null : place(first.add(2));
  return (step: I32, values: readonly V128[], offsetOf: (i: number) => number) => {
    const lowAt = f.i32(low.add(step));
    const highAt = high && f.i32(high.add(step));
    values.forEach((value, i) => {
      if (!highAt) {
        f.store(lowAt, value, offsetOf(i));
        return;
      }
      const vector = f.v128(value);
      f.storeHalf(lowAt, vector, 0, offsetOf(i));
      f.storeHalf(highAt, vector, 1, offsetOf(i));
    });
  };
}
