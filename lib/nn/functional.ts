/** Layers as functions, under the names of torch.nn.functional. */
export * from '../ops/activations.ts';
export * from '../ops/adaptive-avg-pool2d.ts';
export { type AvgPool2dOptions, avgPool2d } from '../ops/avg-pool2d.ts';
export * from '../ops/batch-norm.ts';
export * from '../ops/binary-cross-entropy.ts';
export * from '../ops/conv2d.ts';
export * from '../ops/cross-entropy.ts';
export * from '../ops/dropout.ts';
export * from '../ops/linear.ts';
export type { Reduction } from '../ops/loss.ts';
export { type MaxPool2dOptions, maxPool2d } from '../ops/max-pool2d.ts';
export * from '../ops/mse-loss.ts';
export type { Operand } from '../ops/operand.ts';
export * from '../ops/pad.ts';
export * from '../ops/softmax.ts';
export type { Pair, PoolWindow, WindowArguments } from '../ops/windows.ts';
