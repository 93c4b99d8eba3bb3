import { resolveOptions } from '../arguments.ts';
import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { softplus } from './activations.ts';
import { add } from './add.ts';
import { checkTarget, type Reduction, reduceLoss } from './loss.ts';
import { mul, neg } from './mul.ts';
import { asTensor, type Operand } from './operand.ts';
import { binary, unary } from './primitive-calls.ts';
import { sub } from './sub.ts';

export interface BinaryCrossEntropyOptions {
  /** Factor of each loss; broadcasts to the input. */
  readonly weight?: Operand | null;
  /** Default 'mean'. */
  readonly reduction?: Reduction;
}

export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** Factor of the losses of positives; broadcasts to the input, one per class usually. */
  readonly posWeight?: Operand | null;
}

/**
 * -(posWeight * y * log(sigmoid(x)) + (1 - y) * log(1 - sigmoid(x))), computed without overflow as
 * (1 - y) * x + (1 + (posWeight - 1) * y) * softplus(-x).
 * @throws ShapeError unless logits and target have one shape
 */
export function binaryCrossEntropyWithLogits(
  x: Tensor,
  target: Operand,
  options: BinaryCrossEntropyWithLogitsOptions = {},
): Tensor {
  const { weight, posWeight, reduction } = resolveOptions('binaryCrossEntropyWithLogits', options, {
    weight: null,
    posWeight: null,
    reduction: 'mean',
  });
  return tidy(() => {
    const y = asTensor('binaryCrossEntropyWithLogits', 'target', target, x);
    checkTarget('binaryCrossEntropyWithLogits', x, y);
    const negative = mul(add(neg(y), 1), x);
    const tail = softplus(neg(x));
    const factor =
      posWeight === null ? null : asTensor('binaryCrossEntropyWithLogits', 'posWeight', posWeight, x);
    const positive = factor ? mul(add(mul(sub(factor, 1), y), 1), tail) : tail;
    const losses = add(negative, positive);
    return reduceLoss(weight === null ? losses : mul(losses, weight), reduction);
  });
}

/**
 * -(y * log(x) + (1 - y) * log(1 - x)) of probabilities, with logarithms of -100 or more as in PyTorch.
 * Prefer `binaryCrossEntropyWithLogits`.
 * @throws ShapeError unless probabilities and target have one shape
 */
export function binaryCrossEntropy(
  x: Tensor,
  target: Operand,
  options: BinaryCrossEntropyOptions = {},
): Tensor {
  const { weight, reduction } = resolveOptions('binaryCrossEntropy', options, {
    weight: null,
    reduction: 'mean',
  });
  return tidy(() => {
    const y = asTensor('binaryCrossEntropy', 'target', target, x);
    checkTarget('binaryCrossEntropy', x, y);
    const losses = plainLosses(x, y);
    return reduceLoss(weight === null ? losses : mul(losses, weight), reduction);
  });
}

const complement = (x: Tensor): Tensor => unary('addScalar', unary('mulScalar', x, -1), 1);
const boundedLog = (x: Tensor): Tensor => unary('maxScalar', unary('log', x), -100);

function plainLosses(x: Tensor, target: Tensor): Tensor {
  const positive = binary('mul', target, boundedLog(x));
  const negative = binary('mul', complement(target), boundedLog(complement(x)));
  return record(unary('mulScalar', binary('add', positive, negative), -1), {
    name: 'binaryCrossEntropy',
    inputs: [x],
    saved: [x, target],
    backward: (dy, [x, target]) => {
      const spread = unary('maxScalar', binary('mul', x, complement(x)), 1e-12);
      return [binary('mul', dy, binary('div', binary('sub', x, target), spread))];
    },
  });
}
