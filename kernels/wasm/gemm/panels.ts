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
 * A function that writes vectors of the channels `first` to first + 3 (`first` a multiple of 4) into the panels at
 * `start`: vector i goes `step` (a variable) plus `offsetOf(i)` (a constant) bytes beyond the channels' address.
 */
export function storeInPanels(f: FunctionBuilder, { width, panelBytes }: Panels, start: I32, first: I32) {
  const addressOf = (channel: I32) =>
    f.i32(start.add(channel.div(width).mul(panelBytes)).add(channel.rem(width).shl(2)));
  const low = addressOf(first);
  const high = width % 4 === 0 ? null : addressOf(first.add(2));
  return (step: I32, values: readonly V128[], offsetOf: (i: number) => number) => {
    const lowAddress = f.i32(low.add(step));
    const highAddress = high && f.i32(high.add(step));
    values.forEach((value, i) => {
      if (!highAddress) {
        f.store(lowAddress, value, offsetOf(i));
        return;
      }
      const vector = f.v128(value);
      f.storeHalf(lowAddress, vector, 0, offsetOf(i));
      f.storeHalf(highAddress, vector, 1, offsetOf(i));
    });
  };
}
