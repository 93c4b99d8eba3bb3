/** The epilogue for devices whose kernels have none, from the other primitives. */
import type { PlainConv2d } from '../../../kernels/plain.ts';
import type { Epilogue, Primitives, Storage } from '../device.ts';

export type EpilogueDevice<S extends Storage> = Pick<Primitives<S>, 'binary' | 'unary'> & {
  free(x: S): void;
};

/** y + residual, then max(., 0), each if asked for; gives up y where the result is another storage. */
export function defaultEpilogue<S extends Storage>(
  device: EpilogueDevice<S>,
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

/** The primitive `conv2d`, on a device whose convolutions have no epilogue. */
export const defaultConv2d = <S extends Storage>(
  device: PlainConv2d<S> & EpilogueDevice<S>,
): Pick<Primitives<S>, 'conv2d'> => ({
  conv2d(x, weight, bias, geometry, epilogue) {
    const y = device.conv2dForward(x, weight, bias, geometry);
    return epilogue ? defaultEpilogue(device, y, epilogue) : y;
  },
});
