import { ShapeError } from '../errors.ts';
import type { HostTensor } from '../serialize/safetensors.ts';
import { formatShape, type Shape, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What a model should say of a sample: one number (0 or 1, a class index, a value), or the numbers of a `targetShape`. */
export type Target = number | ArrayLike<number>;

/** An input and its target, on the host. */
export interface Sample {
  /** The values of the input, row by row. */
  readonly input: Float32Array;
  /** Of the input, without a batch axis. */
  readonly shape: Shape;
  /** What a model should say of it. */
  readonly target: Target;
}

/** Samples by their index, as torch.utils.data.Dataset has them. */
export interface Dataset<T = Sample> {
  /** The number of samples. */
  readonly length: number;
  /** The sample of an index from 0 to length - 1. */
  get(index: number): T | Promise<T>;
  /** Of a target, without the batch axis: [1] (default) for a logit each, [] for class indices, [C] or [1, H, W] for several. */
  readonly targetShape?: Shape;
}

/** Tensors in memory, a sample for each index of their first axis, as torch.utils.data.TensorDataset. */
export class TensorDataset implements Dataset {
  readonly length: number;
  readonly targetShape: Shape;
  readonly #inputs: HostTensor;
  readonly #targets: HostTensor;

  /**
   * @param inputs `[N, ...]`
   * @param targets `[N, ...]`: `[N, 1]` for a logit each, `[N]` for class indices, `[N, C]`, `[N, 1, H, W]`
   * @throws ShapeError where they have no axis, or not one sample each
   */
  constructor(inputs: HostTensor, targets: HostTensor) {
    const { shape } = inputs;
    if (shape.length === 0 || shape[0] !== targets.shape[0]) {
      throw new ShapeError(
        `TensorDataset: inputs ${formatShape(shape)} and targets ${formatShape(targets.shape)} want as many samples`,
      );
    }
    this.length = shape[0];
    this.targetShape = targets.shape.slice(1);
    this.#inputs = inputs;
    this.#targets = targets;
  }

  /** Copies tensors from their device. @throws ShapeError as the constructor */
  static async of(inputs: Tensor, targets: Tensor): Promise<TensorDataset> {
    const [x, y] = await Promise.all([inputs.data(), targets.data()]);
    return new TensorDataset({ shape: inputs.shape, data: x }, { shape: targets.shape, data: y });
  }

  get(index: number): Sample {
    return {
      input: rowOf(this.#inputs, index),
      shape: this.#inputs.shape.slice(1),
      target: rowOf(this.#targets, index),
    };
  }
}

function rowOf({ data, shape }: HostTensor, index: number): Float32Array {
  const size = sizeOf(shape.slice(1));
  return data.subarray(index * size, (index + 1) * size);
}

/** Some samples of a data set, in the order of `indices`, as torch.utils.data.Subset. */
export class Subset<T> implements Dataset<T> {
  readonly #dataset: Dataset<T>;
  readonly #indices: readonly number[];

  /** @throws ShapeError for an index that the data set has not */
  constructor(dataset: Dataset<T>, indices: readonly number[]) {
    const odd = indices.find((index) => !(Number.isInteger(index) && index >= 0 && index < dataset.length));
    if (odd !== undefined) throw new ShapeError(`Subset: no sample ${odd} among ${dataset.length}`);
    this.#dataset = dataset;
    this.#indices = indices;
  }

  get length(): number {
    return this.#indices.length;
  }

  get targetShape(): Shape | undefined {
    return this.#dataset.targetShape;
  }

  get(index: number): T | Promise<T> {
    return this.#dataset.get(this.#indices[index]);
  }
}
