/** Ops on images: x `[N, C, H, W]`. */
import type { Tensor } from '../../lib/index.ts';
import type { Args } from '../ops/cases.ts';
import type { Builder, Draw } from './builder.ts';

function image(b: Builder): Tensor {
  const found = b.find(
    ({ rank, shape, size }) => rank === 4 && size > 0 && size <= 3000 && shape[2] >= 2 && shape[3] >= 2,
  );
  return found ?? b.fresh([b.integer(1, 3), b.pick([1, 2, 3, 4, 6, 8]), b.integer(2, 11), b.integer(2, 11)]);
}

/** One number for both directions, or one each. */
const pair = (b: Builder, low: number, high: number): [number, number] => {
  const size = b.integer(low, high);
  return b.chance(0.6) ? [size, size] : [size, b.integer(low, high)];
};

const asArgument = (b: Builder, [height, width]: [number, number]): number | [number, number] =>
  height === width && b.chance(0.7) ? height : [height, width];

const both = (of: (axis: 0 | 1) => boolean): boolean => of(0) && of(1);

function conv2d(b: Builder): boolean {
  const x = image(b);
  const [, channels, ...sides] = x.shape;
  const groups = b.chance(0.6) ? 1 : b.pick([1, 2, 3, 4, channels].filter((count) => channels % count === 0));
  const outChannels = groups * b.integer(1, groups === channels ? 2 : 5);
  const kernel = b.chance(0.3) ? ([3, 3] as [number, number]) : pair(b, 1, 5);
  const [stride, padding, dilation] = [
    pair(b, 1, 3),
    pair(b, 0, 2),
    b.chance(0.7) ? ([1, 1] as [number, number]) : pair(b, 1, 3),
  ];
  const fits = both((axis) => sides[axis] + 2 * padding[axis] >= dilation[axis] * (kernel[axis] - 1) + 1);
  const weight = b.fresh([outChannels, channels / groups, ...(fits ? kernel : [1, 1])], { low: -1, high: 1 });
  const bias = b.chance(0.6) ? b.fresh([outChannels]) : null;
  return b.add('conv2d', [x, weight, bias], {
    ...(b.chance(0.8) ? { stride: asArgument(b, stride) } : {}),
    ...(b.chance(0.8) || !fits
      ? { padding: asArgument(b, padding) as Args['padding'] }
      : { padding: asArgument(b, padding) as Args['padding'] }),
    ...(dilation[0] > 1 || dilation[1] > 1 ? { dilation: asArgument(b, dilation) } : {}),
    ...(groups > 1 ? { groups } : {}),
  });
}

function pool(b: Builder): boolean {
  const x = image(b);
  const sides = x.shape.slice(2);
  const kernel = pair(b, 1, 4).map((size, axis) => Math.min(size, sides[axis])) as [number, number];
  const padding = kernel.map((size) => b.integer(0, Math.floor(size / 2))) as [number, number];
  const isMax = b.chance(0.5);
  return b.add(isMax ? 'maxPool2d' : 'avgPool2d', [x], {
    kernelSize: asArgument(b, kernel),
    ...(b.chance(0.7) ? { stride: asArgument(b, pair(b, 1, 3)) } : {}),
    ...(b.chance(0.6) ? { padding: padding as Args['padding'] } : {}),
    ...(b.chance(0.4) ? { ceilMode: b.chance(0.7) } : {}),
    ...(!isMax && b.chance(0.4) ? { countIncludePad: b.chance(0.5) } : {}),
    ...(!isMax && b.chance(0.2) ? { divisorOverride: b.pick([1, 3, -2]) } : {}),
  });
}

function batchNorm(b: Builder): boolean {
  const x = image(b);
  const [n, channels, height, width] = x.shape;
  const training = n * height * width > 1 && b.chance(0.6);
  const statistics = { differentiable: false, low: 0.5, high: 2 };
  const running = !training || b.chance(0.5);
  const affine = b.chance(0.7);
  return b.add(
    'batchNorm',
    [
      x,
      running ? b.fresh([channels], { ...statistics, low: -1 }) : null,
      running ? b.fresh([channels], statistics) : null,
      affine ? b.fresh([channels]) : null,
      affine ? b.fresh([channels]) : null,
    ],
    {
      training,
      ...(b.chance(0.5) ? { momentum: b.pick([0, 0.3, 1]) } : {}),
      ...(b.chance(0.5) ? { eps: b.pick([1e-5, 1e-3, 0.1]) } : {}),
    },
  );
}

export const DRAW_IMAGE_OP: readonly Draw[] = [
  conv2d,
  conv2d,
  pool,
  pool,
  (b) => {
    const x = image(b);
    return b.add('adaptiveAvgPool2d', [x], { outputSize: asArgument(b, pair(b, 1, 7)) });
  },
  batchNorm,
];
