/** Endings for devices whose kernels have none, from the other primitives. */
import type { Epilogue, Primitives, Storage } from '../device.ts';

/** y + residual, then max(., 0), each if asked for; gives up y where the result is another storage. */
export function composedEpilogue<S extends Storage>(
  device: Primitives<S> & { free(x: S): void },
  y: S,
  { residual, relu }: Epilogue<S>,
): S {
  const replaced = (made: S, before: S): S => {
    device.free(before);
    return made;
  };
  const flat = { shape: [y.length], strides: [[1], [1]] };
  const total = residual ? replaced(device.binary('add', y, residual, flat), y) : y;
  return relu ? replaced(device.unary('relu', total, 0), total) : total;
}
