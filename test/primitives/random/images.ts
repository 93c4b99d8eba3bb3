/** Random arguments for the primitives on images. */
import type { Conv2dGeometry, MaxPool2dGeometry } from '../../../lib/devices/device.ts';
import type { Generator } from '../../../lib/tensor/random.ts';
import { between, chance, count, type Draw, EDGES, pick, size, values } from '../drawing.ts';

function convolution(random: Generator): Conv2dGeometry {
  const groups = chance(random, 0.3) ? between(random, 2, 6) : 1;
  const depthwise = groups > 1 && chance(random, 0.5);
  const wide = groups === 1 && chance(random, 0.25);
  const inGroup = wide ? pick(random, EDGES) : depthwise ? 1 : size(random, groups > 1 ? 9 : 65);
  const outGroup = wide
    ? pick(random, EDGES)
    : depthwise
      ? between(random, 1, 2)
      : size(random, groups > 1 ? 9 : 65);
  const work = inGroup * outGroup * groups;
  const side = wide ? 11 : work > 600 ? 7 : work < 40 ? 50 : 17;
  const [kernelHeight, kernelWidth] = chance(random, 0.6)
    ? pick(random, [
        [1, 1],
        [3, 3],
        [3, 3],
        [5, 5],
        [7, 7],
      ])
    : [between(random, 1, 5), between(random, 1, 5)];
  const [strideHeight, strideWidth] = chance(random, 0.5)
    ? [1, 1]
    : [between(random, 1, 3), between(random, 1, 3)];
  const [dilationHeight, dilationWidth] = chance(random, 0.7)
    ? [1, 1]
    : [between(random, 1, 3), between(random, 1, 3)];
  const [paddingHeight, paddingWidth] = [between(random, 0, kernelHeight), between(random, 0, kernelWidth)];
  const least = (kernel: number, dilation: number, padding: number) =>
    Math.max(1, dilation * (kernel - 1) + 1 - 2 * padding);
  const inHeight = least(kernelHeight, dilationHeight, paddingHeight) + random.integer(side);
  const inWidth = least(kernelWidth, dilationWidth, paddingWidth) + random.integer(side);
  const out = (n: number, kernel: number, stride: number, padding: number, dilation: number) =>
    Math.floor((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
  return {
    batch: count(random, 1, 3),
    inChannels: inGroup * groups,
    inHeight,
    inWidth,
    outChannels: outGroup * groups,
    outHeight: out(inHeight, kernelHeight, strideHeight, paddingHeight, dilationHeight),
    outWidth: out(inWidth, kernelWidth, strideWidth, paddingWidth, dilationWidth),
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

function convolutionInputs(random: Generator, g: Conv2dGeometry) {
  return {
    x: values(random, g.batch * g.inChannels * g.inHeight * g.inWidth),
    weight: values(random, g.outChannels * (g.inChannels / g.groups) * g.kernelHeight * g.kernelWidth),
    bias: values(random, g.outChannels),
    dy: values(random, g.batch * g.outChannels * g.outHeight * g.outWidth),
  };
}

/** Windows as PyTorch allows them: at most half a kernel of padding, none that starts past the input. */
function pooling(random: Generator, dilated: boolean): MaxPool2dGeometry {
  const axis = () => {
    const kernel = between(random, 1, 4);
    const stride = between(random, 1, 4);
    const padding = random.integer(Math.floor(kernel / 2) + 1);
    const dilation = dilated ? between(random, 1, 2) : 1;
    const n = Math.max(1, dilation * (kernel - 1) + 1 - 2 * padding) + random.integer(12);
    const span = n + 2 * padding - dilation * (kernel - 1) - 1;
    const ceil = Math.ceil(span / stride) + 1;
    const up = chance(random, 0.5) && (ceil - 1) * stride < n + padding && dilation === 1;
    return { kernel, stride, padding, dilation, n, out: up ? ceil : Math.floor(span / stride) + 1 };
  };
  const [rows, columns] = [axis(), axis()];
  return {
    batch: count(random, 1, 3),
    channels: size(random, 17),
    inHeight: rows.n,
    inWidth: columns.n,
    outHeight: rows.out,
    outWidth: columns.out,
    kernelHeight: rows.kernel,
    kernelWidth: columns.kernel,
    strideHeight: rows.stride,
    strideWidth: columns.stride,
    paddingHeight: rows.padding,
    paddingWidth: columns.padding,
    dilationHeight: rows.dilation,
    dilationWidth: columns.dilation,
  };
}

type Planes = Pick<
  MaxPool2dGeometry,
  'batch' | 'channels' | 'inHeight' | 'inWidth' | 'outHeight' | 'outWidth'
>;
const planesIn = (g: Planes): number => g.batch * g.channels * g.inHeight * g.inWidth;
const planesOut = (g: Planes): number => g.batch * g.channels * g.outHeight * g.outWidth;

function averaging(random: Generator) {
  const windows = pooling(random, false);
  const divisorOverride = chance(random, 0.2) ? between(random, 1, 5) : 0;
  return { ...windows, countIncludePad: chance(random, 0.5), divisorOverride };
}

const adaptive = (random: Generator) => ({
  batch: count(random, 1, 3),
  channels: size(random, 17),
  inHeight: size(random, 17),
  inWidth: size(random, 17),
  outHeight: size(random, 9),
  outWidth: size(random, 9),
});

export const RANDOM_IMAGES = {
  conv2d: (random) => {
    const g = convolution(random);
    const { x, weight, bias, dy } = convolutionInputs(random, g);
    const [hasBias, hasResidual, relu] = [0, 1, 2].map(() => chance(random, 0.5));
    return {
      arguments: [g, { hasBias, hasResidual, relu }],
      inputs: [x, weight, bias, dy],
      call: (device, [x, weight, bias, dy]) => [
        device.conv2d(x, weight, hasBias ? bias : null, g, { residual: hasResidual ? dy : null, relu }),
      ],
    };
  },
  conv2dInputGrad: (random) => {
    const g = convolution(random);
    const { dy, weight } = convolutionInputs(random, g);
    return {
      arguments: g,
      inputs: [dy, weight],
      call: (device, [dy, weight]) => [device.conv2dInputGrad(dy, weight, g)],
    };
  },
  conv2dWeightGrad: (random) => {
    const g = convolution(random);
    const { x, dy } = convolutionInputs(random, g);
    return { arguments: g, inputs: [x, dy], call: (device, [x, dy]) => [device.conv2dWeightGrad(x, dy, g)] };
  },
  maxPool2d: (random) => {
    const g = pooling(random, true);
    return {
      arguments: g,
      inputs: [values(random, planesIn(g))],
      call: (device, [x]) => {
        const { output, indices } = device.maxPool2d(x, g);
        return [output, indices];
      },
    };
  },
  maxPool2dGrad: (random) => {
    const g = pooling(random, true);
    return {
      arguments: g,
      inputs: [values(random, planesIn(g)), values(random, planesOut(g))],
      call: (device, [x, dy]) => {
        const { output, indices } = device.maxPool2d(x, g);
        return [device.maxPool2dGrad(dy, indices, g), output, indices];
      },
    };
  },
  avgPool2d: (random) => {
    const g = averaging(random);
    return {
      arguments: g,
      inputs: [values(random, planesIn(g))],
      call: (device, [x]) => [device.avgPool2d(x, g)],
    };
  },
  avgPool2dGrad: (random) => {
    const g = averaging(random);
    return {
      arguments: g,
      inputs: [values(random, planesOut(g))],
      call: (device, [dy]) => [device.avgPool2dGrad(dy, g)],
    };
  },
  adaptiveAvgPool2d: (random) => {
    const g = adaptive(random);
    return {
      arguments: g,
      inputs: [values(random, planesIn(g))],
      call: (device, [x]) => [device.adaptiveAvgPool2d(x, g)],
    };
  },
  adaptiveAvgPool2dGrad: (random) => {
    const g = adaptive(random);
    return {
      arguments: g,
      inputs: [values(random, planesOut(g))],
      call: (device, [dy]) => [device.adaptiveAvgPool2dGrad(dy, g)],
    };
  },
} satisfies Record<string, (random: Generator) => Draw>;
