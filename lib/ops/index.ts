export { leakyRelu, relu, sigmoid, softplus, tanh } from './activations.ts';
export { adaptiveAvgPool2d, type OutputSize } from './adaptive-avg-pool2d.ts';
export { add } from './add.ts';
export { max, min } from './amax.ts';
export { argmax } from './argmax.ts';
export { type AvgPool2dOptions, avgPool2d } from './avg-pool2d.ts';
export { type BatchNormOptions, batchNorm } from './batch-norm.ts';
export {
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
} from './binary-cross-entropy.ts';
export { cat, stack } from './cat.ts';
export { type ClampBounds, type ClampOptions, clamp } from './clamp.ts';
export { eq, ge, gt, le, lt, ne } from './compare.ts';
export { type Conv2dOptions, conv2d } from './conv2d.ts';
export { copy_ } from './copy.ts';
export { type CrossEntropyOptions, crossEntropy, type NllLossOptions, nllLoss } from './cross-entropy.ts';
export { div } from './div.ts';
export { dropout } from './dropout.ts';
export { abs, exp, log, reciprocal, sign, sqrt } from './elementwise.ts';
export { expand } from './expand.ts';
export { linear } from './linear.ts';
export type { Reduction } from './loss.ts';
export { matmul } from './matmul.ts';
export { type MaxPool2dOptions, maxPool2d } from './max-pool2d.ts';
export { maximum, minimum } from './maximum.ts';
export { mean } from './mean.ts';
export { mseLoss } from './mse-loss.ts';
export { mul, neg, square } from './mul.ts';
export type { Operand } from './operand.ts';
export { pad } from './pad.ts';
export { permute, transpose } from './permute.ts';
export { pow } from './pow.ts';
export { flatten, reshape, squeeze, unsqueeze } from './reshape.ts';
export { chunk, select, slice, split } from './slice.ts';
export { logSoftmax, softmax } from './softmax.ts';
export { sub } from './sub.ts';
export { sum } from './sum.ts';
export { to } from './to.ts';
export { std, type VarianceOptions, variance } from './variance.ts';
export { where } from './where.ts';
export type { Pair, PoolWindow, WindowArguments } from './windows.ts';
