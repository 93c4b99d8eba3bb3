import type { Conv2dGeometry } from '../devices/device.ts';
import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { pad } from './pad.ts';
import { reduce, sharedDevice } from './unrecorded.ts';
import { imageSizes, type Pair, pair } from './windows.ts';

export interface Conv2dOptions {
  /** Default 1. */
  readonly stride?: Pair;
  /** Default 0. 'same' keeps the image's size, with the odd row and column at the end; 'valid' is 0. */
  readonly padding?: Pair | 'same' | 'valid';
  /** Default 1. */
  readonly dilation?: Pair;
  /** Default 1. */
  readonly groups?: number;
}

/**
 * The cross-correlation of images with a kernel.
 * @param x `[N, C, H, W]`
 * @param weight `[O, C / groups, kernelHeight, kernelWidth]`
 * @param bias `[O]`
 * @returns `[N, O, outHeight, outWidth]`
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: Conv2dOptions = {},
): Tensor {
  check(x, weight, bias, groups);
  const steps = pair('conv2d', 'stride', stride, 1);
  const gaps = pair('conv2d', 'dilation', dilation, 1);
  if (padding === 'valid') return correlate(x, weight, bias, steps, [0, 0], gaps, groups);
  if (padding !== 'same') {
    return correlate(x, weight, bias, steps, pair('conv2d', 'padding', padding, 0), gaps, groups);
  }
  if (steps[0] !== 1 || steps[1] !== 1) {
    throw new ShapeError(`conv2d: padding 'same' wants stride 1, got ${formatShape(steps)}`);
  }
  const [height, width] = [gaps[0] * (weight.shape[2] - 1), gaps[1] * (weight.shape[3] - 1)];
  const pads = [Math.floor(height / 2), Math.floor(width / 2)] as const;
  if (height % 2 === 0 && width % 2 === 0) return correlate(x, weight, bias, steps, pads, gaps, groups);
  return tidy(() =>
    correlate(pad(x, [0, width % 2, 0, height % 2]), weight, bias, steps, pads, gaps, groups),
  );
}

function check(x: Tensor, weight: Tensor, bias: Tensor | null, groups: number): void {
  const [, channels] = imageSizes('conv2d', x);
  const [out, inGroup] = weight.shape;
  if (weight.rank !== 4) {
    throw new ShapeError(`conv2d: weight wants [O, C / groups, KH, KW], got ${formatShape(weight.shape)}`);
  }
  if (!(Number.isInteger(groups) && groups > 0) || out % groups !== 0) {
    throw new ShapeError(
      `conv2d: groups wants a whole number > 0 that divides the ${out} output channels, got ${groups}`,
    );
  }
  if (channels !== inGroup * groups) {
    const inGroups = groups === 1 ? '' : ` in ${groups} groups`;
    throw new ShapeError(
      `conv2d: input has ${channels} channels ${formatShape(x.shape)}, weight wants ${inGroup * groups}${inGroups} ${formatShape(weight.shape)}`,
    );
  }
  if (bias && (bias.rank !== 1 || bias.size !== out)) {
    throw new ShapeError(`conv2d: bias wants ${formatShape([out])}, got ${formatShape(bias.shape)}`);
  }
}

function geometryOf(
  x: Tensor,
  weight: Tensor,
  [strideHeight, strideWidth]: readonly [number, number],
  [paddingHeight, paddingWidth]: readonly [number, number],
  [dilationHeight, dilationWidth]: readonly [number, number],
  groups: number,
): Conv2dGeometry {
  const [batch, inChannels, inHeight, inWidth] = imageSizes('conv2d', x);
  const [outChannels, , kernelHeight, kernelWidth] = weight.shape;
  const spanHeight = dilationHeight * (kernelHeight - 1) + 1;
  const spanWidth = dilationWidth * (kernelWidth - 1) + 1;
  const [roomHeight, roomWidth] = [inHeight + 2 * paddingHeight, inWidth + 2 * paddingWidth];
  if (spanHeight > roomHeight || spanWidth > roomWidth) {
    throw new ShapeError(
      `conv2d: the kernel spans ${formatShape([spanHeight, spanWidth])}, the padded input ${formatShape([roomHeight, roomWidth])} is smaller`,
    );
  }
  return {
    batch,
    inChannels,
    inHeight,
    inWidth,
    outChannels,
    outHeight: Math.floor((roomHeight - spanHeight) / strideHeight) + 1,
    outWidth: Math.floor((roomWidth - spanWidth) / strideWidth) + 1,
    kernelHeight,
    kernelWidth,
    strideHeight,
    strideWidth,
    paddingHeight,
    paddingWidth,
    dilationHeight,
    dilationWidth,
    groups,
  };
}

function correlate(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  ...[stride, padding, dilation, groups]: readonly [
    readonly [number, number],
    readonly [number, number],
    readonly [number, number],
    number,
  ]
): Tensor {
  const device = sharedDevice('conv2d', x, weight, bias);
  const geometry = geometryOf(x, weight, stride, padding, dilation, groups);
  const [shape, weightShape] = [x.shape, weight.shape];
  const storage = device.conv2d(x.storage, weight.storage, bias?.storage ?? null, geometry);
  const { batch, outChannels, outHeight, outWidth } = geometry;
  return record(new Tensor({ device, storage }, [batch, outChannels, outHeight, outWidth]), {
    name: 'conv2d',
    attributes: geometry,
    inputs: [x, weight, bias],
    saved: [weight.requiresGrad ? x : null, x.requiresGrad ? weight : null],
    backward: (dy, [x, weight], [, , wantsBias]) => [
      weight &&
        new Tensor({ device, storage: device.conv2dInputGrad(dy.storage, weight.storage, geometry) }, shape),
      x &&
        new Tensor(
          { device, storage: device.conv2dWeightGrad(x.storage, dy.storage, geometry) },
          weightShape,
        ),
      wantsBias ? reduce('sum', dy, [0, 2, 3]) : null,
    ],
  });
}
