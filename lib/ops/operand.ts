import { checkTensor } from '../tensor/placement.ts';
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
 * @param beside the tensor that it is used with, on whose device one is made
 * @throws ArgumentError for anything but a tensor, numbers, booleans and lists of them
 * @throws ShapeError for ragged lists
 */
export function asTensor(owner: string, name: string, value: Operand, beside: Tensor): Tensor {
  checkTensor(owner, beside);
  if (value instanceof Tensor) return value;
  const { device } = beside;
  if (typeof value === 'number') return filled(device, [], value);
  const { data, shape } = flattenValues(owner, name, value);
  return new Tensor({ device, storage: device.upload(data) }, shape);
}

/** An op of two tensors, or of a tensor and a number, as one whose second operand may be nested lists too. */
export const withOperand =
  (name: string, op: (a: Tensor, b: Tensor | number) => Tensor) =>
  (a: Tensor, b: Operand): Tensor => {
    checkTensor(name, a, 'the first operand');
    if (b instanceof Tensor || typeof b === 'number') return op(a, b);
    return tidy(() => op(a, asTensor(name, 'other', b, a)));
  };
