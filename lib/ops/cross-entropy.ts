import { resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { sharedDevice } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { add } from './add.ts';
import { div } from './div.ts';
import { type Reduction, reduceLoss } from './loss.ts';
import { mul, neg } from './mul.ts';
import { asTensor, type Operand } from './operand.ts';
import { allAxes, binary, filled, reduce, unary } from './primitive-calls.ts';
import { logSoftmax } from './softmax.ts';
import { sum } from './sum.ts';
import { checkedLoss, type ValueCheck } from './value-checks.ts';
import { where } from './where.ts';

/** The options of `nllLoss`. */
export interface NllLossOptions {
  /** Factor of each class' losses, `[C]`; a mean is then weighted. Default none. */
  readonly weight?: Operand | null;
  /** Targets of this value count for nothing; default -100. */
  readonly ignoreIndex?: number;
  /** What becomes of the losses. Default 'mean', over the targets that count, weighted by their classes' weights. */
  readonly reduction?: Reduction;
}

const NLL_LOSS_DEFAULTS = { weight: null, ignoreIndex: -100, reduction: 'mean' } as const;

/** The options of `crossEntropy`. */
export interface CrossEntropyOptions extends NllLossOptions {
  /** The fraction of each target that is spread evenly over all classes (Szegedy et al. 2016, section 7); default 0. */
  readonly labelSmoothing?: number;
}

/**
 * The negative log-likelihood of classes, -logProbabilities[target], as torch.nn.functional.nll_loss.
 * @param logProbabilities `[N, C, ...]`
 * @param target class indices `[N, ...]`, from 0 to C - 1 or `ignoreIndex`
 * @throws ShapeError for other shapes, and for a target that is no class: at once, or on a GPU that would have to be waited
 *   for, when the loss is read
 */
export function nllLoss(logProbabilities: Tensor, target: Operand, options: NllLossOptions = {}): Tensor {
  const { ignoreIndex, reduction, ...resolved } = resolveOptions('nllLoss', options, NLL_LOSS_DEFAULTS);
  return tidy(() => {
    const { y, weight } = asTensors('nllLoss', logProbabilities, target, resolved.weight);
    checkClasses('nllLoss', logProbabilities, y, weight);
    return checkedLoss([classes('nllLoss', logProbabilities, y, ignoreIndex)], () => {
      const { shares, norms } = classShares(logProbabilities, y, weight, ignoreIndex, 0);
      return weighted(logProbabilities, shares, norms, reduction);
    });
  });
}

/**
 * -log(softmax(x)[target]) over the classes, axis 1, as torch.nn.functional.cross_entropy.
 * @param x logits `[N, C, ...]`
 * @param target class indices `[N, ...]`, from 0 to C - 1 or `ignoreIndex`, or probabilities of x's shape
 * @throws ShapeError for other shapes, and for a target that is no class, as `nllLoss`
 */
export function crossEntropy(x: Tensor, target: Operand, options: CrossEntropyOptions = {}): Tensor {
  const { ignoreIndex, reduction, labelSmoothing, ...resolved } = resolveOptions('crossEntropy', options, {
    ...NLL_LOSS_DEFAULTS,
    labelSmoothing: 0,
  });
  return tidy(() => {
    const { y, weight } = asTensors('crossEntropy', x, target, resolved.weight);
    const hasProbabilities = x.rank > 1 && sameShape(x.shape, y.shape);
    if (!hasProbabilities) checkClasses('crossEntropy', x, y, weight);
    const logProbabilities = logSoftmax(x, 1);
    if (!hasProbabilities) {
      return checkedLoss([classes('crossEntropy', x, y, ignoreIndex)], () => {
        const { shares, norms } = classShares(x, y, weight, ignoreIndex, labelSmoothing);
        return weighted(logProbabilities, shares, norms, reduction);
      });
    }
    const smooth = add(mul(y, 1 - labelSmoothing), labelSmoothing / x.shape[1]);
    const shares = weight ? mul(smooth, alongClasses(weight, x)) : smooth;
    const losses = neg(sum(mul(shares, logProbabilities), 1));
    return reduction === 'mean' ? div(sum(losses), losses.size) : reduceLoss(losses, reduction);
  });
}

function asTensors(op: string, x: Tensor, target: Operand, weight: Operand | null) {
  const y = asTensor(op, 'target', target, x);
  const w = weight === null ? null : asTensor(op, 'weight', weight, x);
  sharedDevice(op, x, y, w);
  return { y, weight: w };
}

function checkClasses(op: string, x: Tensor, target: Tensor, weight: Tensor | null): void {
  const [batch, classes, ...rest] = x.shape;
  if (x.rank < 2 || !sameShape(target.shape, [batch, ...rest])) {
    throw new ShapeError(
      `${op}: input [N, C, ...] has shape ${formatShape(x.shape)}, target wants [N, ...], got ${formatShape(target.shape)}`,
    );
  }
  if (weight && (weight.rank !== 1 || weight.size !== classes)) {
    throw new ShapeError(
      `${op}: input has ${classes} classes ${formatShape(x.shape)}, weight has shape ${formatShape(weight.shape)}`,
    );
  }
}

function classes(op: string, x: Tensor, target: Tensor, ignoreIndex: number): ValueCheck {
  const count = x.shape[1];
  return {
    op,
    name: 'target',
    tensor: target,
    wants: `a class from 0 to ${count - 1}, or ignoreIndex ${ignoreIndex}`,
    isValid: (value) => value === ignoreIndex || (Number.isInteger(value) && value >= 0 && value < count),
    countInvalid: () => {
      const { counted, hits } = hitsOf(x, target, ignoreIndex);
      return binary('sub', reduce('sum', counted, allAxes(counted)), reduce('sum', hits, allAxes(hits)));
    },
  };
}

/** `[C]` as `[1, C, 1, ...]`, to broadcast to x. */
const alongClasses = (perClass: Tensor, x: Tensor): Tensor =>
  new Tensor(
    perClass,
    x.shape.map((size, axis) => (axis === 1 ? size : 1)),
  );

/**
 * For each target the share of every class in its loss, `[N, C, ...]`, and its weight in a mean, `[N, ...]`:
 * weight[c] * ((1 - smoothing) * [c = target] + smoothing / C) and weight[target], both 0 where it is ignored.
 */
function classShares(
  x: Tensor,
  target: Tensor,
  weight: Tensor | null,
  ignoreIndex: number,
  smoothing: number,
): { shares: Tensor; norms: Tensor } {
  const { hits } = hitsOf(x, target, ignoreIndex);
  const weighed = (shares: Tensor) => (weight ? binary('mul', shares, alongClasses(weight, x)) : shares);
  const weighedHits = weighed(hits);
  const norms = reduce('sum', weighedHits, [1]);
  if (smoothing === 0) return { shares: weighedHits, norms };
  const spread = unary('mulScalar', reduce('sum', hits, [1], true), smoothing / x.shape[1]);
  return { shares: weighed(binary('add', unary('mulScalar', hits, 1 - smoothing), spread)), norms };
}

/** 1 where a target counts, `[N, 1, ...]`, and where it is the class, `[N, C, ...]`, else 0. */
function hitsOf(x: Tensor, target: Tensor, ignoreIndex: number): { counted: Tensor; hits: Tensor } {
  const { device } = x;
  const indices = Float32Array.from({ length: x.shape[1] }, (_, i) => i);
  const index = alongClasses(new Tensor({ device, storage: device.upload(indices) }, [indices.length]), x);
  const column = new Tensor(target, x.shape.with(1, 1));
  const counted = binary('ne', column, filled(device, [], ignoreIndex));
  return { counted, hits: binary('mul', binary('eq', index, column), counted) };
}

/** A class without a share adds nothing, even where its logarithm is -Infinity. */
function weighted(logProbabilities: Tensor, shares: Tensor, norms: Tensor, reduction: Reduction): Tensor {
  const losses = neg(sum(mul(where(shares, logProbabilities, 0), shares), 1));
  return reduction === 'mean' ? div(sum(losses), sum(norms)) : reduceLoss(losses, reduction);
}
