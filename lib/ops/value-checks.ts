/** Checks of the values that a loss is computed from, as PyTorch makes them. */
import { ShapeError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { where } from './where.ts';

export interface ValueCheck {
  readonly op: string;
  /** What the op calls the tensor. */
  readonly name: string;
  readonly tensor: Tensor;
  /** What would be right. */
  readonly wants: string;
  isValid(value: number): boolean;
  /** `[]`, how many are not valid: computed on the device where its values cannot be had without a wait. */
  countInvalid(): Tensor;
}

/**
 * A loss whose operands are checked: at once where their values can be had without a wait, else when the loss is read,
 * as an error of a GPU's kernel is noticed in PyTorch. Until then it is NaN, and hands no gradient on.
 * @throws ShapeError for the first value that is not valid
 */
export function checkedLoss(checks: readonly ValueCheck[], make: () => Tensor): Tensor {
  const late = checks.filter((check) => !checkNow(check));
  const counts = late.map((check) => check.countInvalid());
  const loss = counts.reduce((loss, invalid) => where(invalid, Number.NaN, loss), make());
  late.forEach(({ op, name, wants }, i) => {
    loss.checkOnRead(
      counts[i],
      new ShapeError(`${op}: a value of the ${name} is out of range, wants ${wants}`),
    );
  });
  return loss;
}

/** False where that would mean to wait. */
function checkNow({ op, name, tensor, wants, isValid }: ValueCheck): boolean {
  const values = tensor.device.peek(tensor.storage);
  if (!values) return false;
  const at = values.findIndex((value) => !isValid(value));
  if (at < 0) return true;
  throw new ShapeError(`${op}: value ${at} of the ${name} is ${values[at]}, wants ${wants}`);
}
