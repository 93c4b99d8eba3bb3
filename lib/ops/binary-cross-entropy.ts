import { resolveOptions } from '../arguments.ts';
import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { checkTarget, type Reduction, reduceLoss } from './loss.ts';
import { mul } from './mul.ts';
import { asTensor, type Operand } from './operand.ts';
import { allAxes, binary, filled, reduce, sumTo, unary } from './primitive-calls.ts';
import { checkedLoss, type ValueCheck } from './value-checks.ts';

/** The options of `binaryCrossEntropy`. */
export interface BinaryCrossEntropyOptions {
  /** Factor of each loss; broadcasts to the input. Default none. */
  readonly weight?: Operand | null;
  /** What becomes of the losses. Default 'mean', over all values, whatever their weights. */
  readonly reduction?: Reduction;
}

/** The options of `binaryCrossEntropyWithLogits`. */
export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** Factor of the losses of positives; broadcasts to the input, usually one per class. Default none. */
  readonly posWeight?: Operand | null;
}

/**
 * -(posWeight * y * log(sigmoid(x)) + (1 - y) * log(1 - sigmoid(x))), as torch's binary_cross_entropy_with_logits.
 * Computed as posWeight * y * softplus(-x) + (1 - y) * softplus(x), which neither overflows nor cancels; nor does its
 * gradient (1 - y) * sigmoid(x) - posWeight * y * sigmoid(-x), however sure a logit is.
 * @param x logits, of any shape
 * @param target y, from 0 to 1, of x's shape
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
    const factor =
      posWeight === null ? null : asTensor('binaryCrossEntropyWithLogits', 'posWeight', posWeight, x);
    const losses = logitLosses(x, y, factor);
    return reduceLoss(weight === null ? losses : mul(losses, weight), reduction);
  });
}

function logitLosses(x: Tensor, y: Tensor, posWeight: Tensor | null): Tensor {
  const times = (a: Tensor, b: Tensor | null) => (b ? binary('mul', a, b) : a);
  const opposite = (x: Tensor) => unary('mulScalar', x, -1);
  const output = tidy(() => {
    const positive = times(binary('mul', y, unary('softplus', opposite(x))), posWeight);
    return binary('add', positive, binary('mul', complement(y), unary('softplus', x)));
  });
  const shape = x.shape;
  const factorShape = posWeight?.shape ?? [];
  return record(output, {
    name: 'binaryCrossEntropyWithLogits',
    inputs: [x, y, posWeight],
    saved: [x, y, posWeight],
    backward: (dy, [x, y, posWeight], [wantsX, wantsY, wantsFactor]) => {
      const slope = () => {
        const positive = times(binary('mul', y, unary('sigmoid', opposite(x))), posWeight);
        return binary('sub', binary('mul', complement(y), unary('sigmoid', x)), positive);
      };
      const slopeOfTarget = () =>
        binary('sub', times(unary('softplus', opposite(x)), posWeight), unary('softplus', x));
      const slopeOfFactor = () => binary('mul', y, unary('softplus', opposite(x)));
      return [
        wantsX ? sumTo(binary('mul', dy, slope()), shape) : null,
        wantsY ? sumTo(binary('mul', dy, slopeOfTarget()), shape) : null,
        wantsFactor ? sumTo(binary('mul', dy, slopeOfFactor()), factorShape) : null,
      ];
    },
  });
}

/**
 * -(y * log(x) + (1 - y) * log(1 - x)), as torch's binary_cross_entropy, with logarithms held above -100.
 * `binaryCrossEntropyWithLogits` is more exact.
 * @param x probabilities, of any shape
 * @param target y, from 0 to 1, of x's shape
 * @throws ShapeError unless probabilities and target have one shape, and for a value of them outside 0 to 1: at once, or
 *   on a GPU that would have to be waited for, when the loss is read
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
    return checkedLoss([probabilities('input', x), probabilities('target', y)], () => {
      const losses = plainLosses(x, y);
      return reduceLoss(weight === null ? losses : mul(losses, weight), reduction);
    });
  });
}

const probabilities = (name: string, tensor: Tensor): ValueCheck => ({
  op: 'binaryCrossEntropy',
  name,
  tensor,
  wants: 'probabilities from 0 to 1',
  isValid: (value) => value >= 0 && value <= 1,
  countInvalid: () => {
    const bound = (value: number) => filled(tensor.device, [], value);
    const valid = binary('mul', binary('ge', tensor, bound(0)), binary('le', tensor, bound(1)));
    return reduce('sum', complement(valid), allAxes(tensor));
  },
});

const complement = (x: Tensor): Tensor => unary('addScalar', unary('mulScalar', x, -1), 1);
const boundedLog = (x: Tensor): Tensor => unary('maxScalar', unary('log', x), -100);

function plainLosses(x: Tensor, target: Tensor): Tensor {
  const positive = binary('mul', target, boundedLog(x));
  const negative = binary('mul', complement(target), boundedLog(complement(x)));
  return record(unary('mulScalar', binary('add', positive, negative), -1), {
    name: 'binaryCrossEntropy',
    inputs: [x, target],
    saved: [x, target],
    backward: (dy, [x, target], [wantsX, wantsTarget]) => {
      const slope = () => {
        const spread = unary('maxScalar', binary('mul', x, complement(x)), 1e-12);
        return binary('div', binary('sub', x, target), spread);
      };
      const slopeOfTarget = () => binary('sub', unary('log', complement(x)), unary('log', x));
      return [
        wantsX ? binary('mul', dy, slope()) : null,
        wantsTarget ? binary('mul', dy, slopeOfTarget()) : null,
      ];
    },
  });
}
