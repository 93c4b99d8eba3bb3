import type { Device } from '../devices/device.ts';
import { ArgumentError, quote } from '../errors.ts';
import { tidy } from '../tensor/scope.ts';
import { Tensor } from '../tensor/tensor.ts';
import { flattenValues, type NestedArray } from '../tensor/values.ts';
import { filled } from './primitive-calls.ts';

/** A tensor, or values that become one on the device of the tensor that they are used with. */
export type Operand = Tensor | NestedArray;

/**
 * An operand as a tensor; one that is a tensor is returned as it is.
 * @param owner the op that it goes to
 * @param name how the op calls it
 * @throws ArgumentError for anything but a tensor, numbers, booleans and lists of them
 * @throws ShapeError for ragged lists
 */
export function asTensor(owner: string, name: string, value: Operand, device: Device): Tensor {
  if (value instanceof Tensor) return value;
  if (typeof value === 'number') return filled(device, [], value);
  const { data, shape } = flattenValues(owner, name, value);
  return new Tensor({ device, storage: device.upload(data) }, shape);
}

/** An op of two tensors, or of a tensor and a number, as one whose second operand may be nested lists too. */
export const withOperand =
  (name: string, op: (a: Tensor, b: Tensor | number) => Tensor) =>
  (a: Tensor, b: Operand): Tensor => {
    if (!(a instanceof Tensor))
      throw new ArgumentError(`${name}: the first operand is ${quote(a)}, wants a tensor`);
    if (b instanceof Tensor || typeof b === 'number') return op(a, b);
    return tidy(() => op(a, asTensor(name, 'other', b, a.device)));
  };
