/** Losses, with targets that suit what they are of. */
import type { Tensor } from '../../lib/index.ts';
import type { Builder, Draw } from './builder.ts';

const reduction = (b: Builder) =>
  b.chance(0.3) ? {} : { reduction: b.pick(['mean', 'sum', 'none'] as const) };

/** Scores `[N, C]` or `[N, C, ...]`. */
const scores = (b: Builder): Tensor =>
  b.find(({ rank, size }) => rank >= 2 && size > 0 && size < 2000) ??
  b.fresh([b.integer(1, 6), b.integer(1, 5)]);

function classLoss(b: Builder): boolean {
  const isNll = b.chance(0.4);
  const x = scores(b);
  const [n, classes, ...rest] = x.shape;
  const target = b.fresh([n, ...rest], { low: 0, high: classes - 1, grid: 1, differentiable: false });
  const weight = b.chance(0.4) ? b.fresh([classes], { low: 0.25, high: 2, differentiable: false }) : null;
  return b.add(isNll ? 'nllLoss' : 'crossEntropy', [x, target, weight], {
    ...reduction(b),
    ...(b.chance(0.3) ? { ignoreIndex: b.integer(0, classes - 1) } : {}),
    ...(!isNll && b.chance(0.3) ? { labelSmoothing: b.pick([0.1, 0.5, 1]) } : {}),
  });
}

function distributionLoss(b: Builder): boolean {
  const x = scores(b);
  const target = b.fresh(x.shape, { low: 0, high: 1 });
  const weight = b.chance(0.4) ? b.fresh([x.shape[1]], { low: 0.25, high: 2, differentiable: false }) : null;
  return b.add('crossEntropy', [x, target, weight], {
    ...reduction(b),
    ...(b.chance(0.3) ? { labelSmoothing: b.pick([0.1, 0.5]) } : {}),
  });
}

function binaryLoss(b: Builder): boolean {
  const x = b.some();
  const target = b.fresh(x.shape, { low: 0, high: 1, grid: b.pick([0, 1]), differentiable: b.chance(0.3) });
  const weight = b.chance(0.3) ? b.fresh(x.shape, { low: 0.25, high: 2, differentiable: false }) : null;
  const posWeight =
    x.rank > 0 && b.chance(0.3)
      ? b.fresh(x.shape.slice(-1), { low: 0.25, high: 3, differentiable: false })
      : null;
  return b.add('binaryCrossEntropyWithLogits', [x, target, weight, posWeight], reduction(b));
}

const isProbability = (x: Tensor): boolean =>
  x.size > 0 && x.dataSync().every((value) => value >= 0 && value <= 1);

function probabilityLoss(b: Builder): boolean {
  const x = b.find(isProbability) ?? b.fresh(b.shape(0, 3), { low: 0, high: 1 });
  const target = b.fresh(x.shape, { low: 0, high: 1, grid: b.pick([0, 1]), differentiable: b.chance(0.3) });
  const weight = b.chance(0.3) ? b.fresh(x.shape, { low: 0.25, high: 2, differentiable: false }) : null;
  return b.add('binaryCrossEntropy', [x, target, weight], reduction(b));
}

export const DRAW_LOSS: readonly Draw[] = [
  classLoss,
  classLoss,
  distributionLoss,
  binaryLoss,
  probabilityLoss,
  (b) => {
    const x = b.some();
    const same = b.find(({ shape }) => String(shape) === String(x.shape)) ?? b.fresh(x.shape);
    return b.add('mseLoss', [x, same], reduction(b));
  },
];
