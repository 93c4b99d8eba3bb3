import { cat, F, stack, Tensor, where } from '../../lib/index.ts';
import golden from '../golden/ops.json' with { type: 'json' };

type Pair = number | [number, number];

export interface GoldenInput {
  readonly shape: number[];
  readonly differentiable: boolean;
  /** Base64 of little-endian float32; absent where `hash` (seed, low, high) makes the values. */
  readonly data?: string;
  readonly hash?: [seed: number, low: number, high: number];
}

/** A row that golden/record.py wrote. `inputs` are null where PyTorch got None. */
export interface GoldenCase {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly (GoldenInput | null)[];
  readonly args: Args;
  /** Whether central differences hold here. */
  readonly smooth: boolean;
  readonly output: { readonly shape: number[]; readonly data: string };
  /** The hash seed of the output's gradient, where PyTorch's output had one. */
  readonly upstream?: number;
  readonly gradients?: readonly (string | null)[];
  /** Inputs that the op changed, by position. */
  readonly overwritten?: Readonly<Record<string, string>>;
}

/** The arguments of all ops together; a row has those that its op takes, and leaves defaults out. */
export interface Args {
  readonly value: number;
  readonly dim: number;
  readonly dims: number[];
  readonly dim0: number;
  readonly dim1: number;
  readonly index: number;
  readonly chunks: number;
  readonly keepdim: boolean;
  readonly unbiased: boolean;
  readonly startDim: number;
  readonly endDim: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly shape: number[];
  readonly min: number;
  readonly max: number;
  readonly negativeSlope: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: number[] & Pair;
  readonly dilation: Pair;
  readonly groups: number;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number;
  readonly outputSize: Pair;
  readonly training: boolean;
  readonly momentum: number;
  readonly eps: number;
  readonly p: number;
  readonly reduction: 'mean' | 'sum' | 'none';
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
}

type GoldenOp = keyof typeof golden;

/** What every device must do. */
export const CASES = Object.entries(golden).flatMap(([op, rows]) =>
  rows.map((row) => ({ op, ...row })),
) as unknown as readonly GoldenCase[];

type Call = (inputs: readonly Tensor[], args: Args) => Tensor;
type Calls<Op extends GoldenOp> = { readonly [Name in Op]: Call };

/**
 * Ops of the table as calls of the public functions. A null input arrives where the function takes null. What is missing
 * is the method of its name, of the other inputs, an axis and keepdim, as far as the row has them.
 */
const OPS: Calls<Exclude<GoldenOp, keyof Tensor>> & Partial<Calls<GoldenOp & keyof Tensor>> = {
  square: ([x]) => x.mul(x),
  leakyRelu: ([x], { negativeSlope }) => F.leakyRelu(x, negativeSlope),
  clamp: ([x], { min, max }) => x.clamp({ min, max }),
  addScalar: ([x], { value }) => x.add(value),
  subScalar: ([x], { value }) => x.sub(value),
  mulScalar: ([x], { value }) => x.mul(value),
  divScalar: ([x], { value }) => x.div(value),
  powScalar: ([x], { value }) => x.pow(value),
  where: ([condition, a, b]) => where(condition, a, b),
  sharedInput: ([x, y]) => x.mul(y).add(x).mul(x.sigmoid()).sub(y),

  var: ([x], { dim, unbiased, keepdim }) => x.var(dim, { unbiased, keepdim }),
  std: ([x], { dim, unbiased, keepdim }) => x.std(dim, { unbiased, keepdim }),

  reshape: ([x], { shape }) => x.reshape(shape),
  flatten: ([x], { startDim, endDim }) => x.flatten(startDim, endDim),
  transpose: ([x], { dim0, dim1 }) => x.transpose(dim0, dim1),
  permute: ([x], { dims }) => x.permute(dims),
  slice: ([x], { dim, start, end, step }) => x.slice(dim, start, end, step),
  select: ([x], { dim, index }) => x.select(dim, index),
  secondChunk: ([x], { chunks, dim }) => x.chunk(chunks, dim)[1],
  expand: ([x], { shape }) => x.expand(shape),
  cat: (xs, { dim }) => cat(xs, dim),
  catTwice: ([x, y], { dim }) => cat([x, y, x], dim),
  stack: (xs, { dim }) => stack(xs, dim),
  pad: ([x], { padding, value }) => x.pad(padding, value),

  transposedMatmul: ([a, b]) => a.transpose(-1, -2).matmul(b.transpose(-1, -2)),
  linear: ([x, weight, bias]) => F.linear(x, weight, bias),
  conv2d: ([x, weight, bias], args) => F.conv2d(x, weight, bias, args),
  conv2dEpilogue: ([x, weight, bias, residual], args) => F.conv2d(x, weight, bias, { residual, ...args }),
  maxPool2d: ([x], args) => F.maxPool2d(x, args),
  avgPool2d: ([x], args) => F.avgPool2d(x, args),
  adaptiveAvgPool2d: ([x], { outputSize }) => F.adaptiveAvgPool2d(x, outputSize),
  batchNorm: ([x, runningMean, runningVar, weight, bias], args) =>
    F.batchNorm(x, runningMean, runningVar, { weight, bias, ...args }),
  batchNormEpilogue: ([x, runningMean, runningVar, weight, bias, residual], args) =>
    F.batchNorm(x, runningMean, runningVar, { weight, bias, residual, relu: true, ...args }),
  dropout: ([x], { p, training }) => F.dropout(x, p, { training }),

  mseLoss: ([x, y], args) => F.mseLoss(x, y, args),
  crossEntropy: ([x, y, weight], args) => F.crossEntropy(x, y, { weight, ...args }),
  nllLoss: ([x, y, weight], args) => F.nllLoss(x, y, { weight, ...args }),
  binaryCrossEntropy: ([x, y, weight], args) => F.binaryCrossEntropy(x, y, { weight, ...args }),
  binaryCrossEntropyWithLogits: ([x, y, weight, posWeight], args) =>
    F.binaryCrossEntropyWithLogits(x, y, { weight, posWeight, ...args }),
};

/** Calls a case's op. @throws Error for an op that is neither in OPS nor a method of tensors */
export function applyOp(
  { op, args, name }: { readonly op: string; readonly args: Partial<Args>; readonly name: string },
  inputs: readonly (Tensor | null)[],
): Tensor {
  const call = (OPS as Readonly<Record<string, Call>>)[op];
  if (call) return call(inputs as readonly Tensor[], args as Args);
  if (!(op in Tensor.prototype)) throw new Error(`${name}: test/ops/cases.ts has no call for '${op}'`);
  const [x, ...others] = inputs as readonly Record<string, (...args: unknown[]) => Tensor>[] & Tensor[];
  return x[op](...others, args.dim, args.keepdim);
}
