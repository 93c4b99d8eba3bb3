/** What is used of TensorFlow.js, whose types the root does not depend on, and its layouts. */

export interface TfTensor {
  readonly shape: readonly number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Unary = (x: TfTensor) => TfTensor;
type Binary = (a: TfTensor, b: TfTensor) => TfTensor;
type Pool = (x: TfTensor, kernel: number, stride: number, padding: number) => TfTensor;
type Reduce = (x: TfTensor, axes?: readonly number[], keepDims?: boolean) => TfTensor;

export interface Tf {
  readonly version_core: string;
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array | number[], shape: readonly number[], dtype?: string): TfTensor;
  variable(initial: TfTensor): TfTensor;
  scalar(value: number): TfTensor;
  zeros(shape: readonly number[]): TfTensor;
  ones(shape: readonly number[]): TfTensor;
  oneHot(indices: TfTensor, depth: number): TfTensor;
  transpose(x: TfTensor, axes: readonly number[]): TfTensor;
  tile(x: TfTensor, times: readonly number[]): TfTensor;
  concat(xs: readonly TfTensor[], axis: number): TfTensor;
  slice(x: TfTensor, begin: readonly number[], size: readonly number[]): TfTensor;
  matMul: Binary;
  conv2d(x: TfTensor, filter: TfTensor, stride: number, padding: number): TfTensor;
  batchNorm(
    x: TfTensor,
    mean: TfTensor,
    variance: TfTensor,
    offset: TfTensor,
    scale: TfTensor,
    epsilon: number,
  ): TfTensor;
  moments(x: TfTensor, axes: readonly number[]): { mean: TfTensor; variance: TfTensor };
  relu: Unary;
  sigmoid: Unary;
  step: Unary;
  rsqrt: Unary;
  add: Binary;
  sub: Binary;
  mul: Binary;
  maxPool: Pool;
  avgPool: Pool;
  mean: Reduce;
  sum: Reduce;
  tidy<T>(fn: () => T): T;
  readonly fused: {
    matMul(options: {
      a: TfTensor;
      b: TfTensor;
      transposeA: boolean;
      transposeB: boolean;
      bias?: TfTensor;
    }): TfTensor;
  };
  readonly losses: { softmaxCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor };
  readonly train: {
    momentum(lr: number, momentum: number): { minimize(loss: () => TfTensor, returnCost: true): TfTensor };
  };
  engine(): { runKernel(name: string, inputs: Record<string, TfTensor>, attributes: object): TfTensor };
}

/** NCHW and OIHW, ours, to NHWC and HWIO, TensorFlow's, and back. */
export const TO_NHWC = [0, 2, 3, 1];
export const TO_HWIO = [2, 3, 1, 0];
export const TO_NCHW = [0, 3, 1, 2];
export const TO_OIHW = [3, 2, 0, 1];
