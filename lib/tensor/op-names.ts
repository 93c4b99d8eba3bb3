import { UNARY_GRAD_OPS, type UnaryGradOp } from '../devices/device.ts';

/** Ops that are recorded under another name than that of an elementwise primitive. */
const OWN_NAMES = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'maximum',
  'minimum',
  'sign',
  'where',
  'to',
  'sum',
  'max',
  'min',
  'variance',
  'reshape',
  'permute',
  'expand',
  'pad',
  'slice',
  'cat',
  'matmul',
  'linear',
  'conv2d',
  'maxPool2d',
  'avgPool2d',
  'adaptiveAvgPool2d',
  'batchNorm',
  'softmax',
  'logSoftmax',
  'binaryCrossEntropy',
  'binaryCrossEntropyWithLogits',
] as const;

/** What an op may be recorded as: exporters have a form for each of these names, or say that there is none. */
export type OpName = UnaryGradOp | (typeof OWN_NAMES)[number];
export const OP_NAMES: readonly OpName[] = [...UNARY_GRAD_OPS, ...OWN_NAMES];
