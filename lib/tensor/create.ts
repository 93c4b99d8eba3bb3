import { resolveOptions } from '../arguments.ts';
import type { Device } from '../devices/device.ts';
import { currentDevice } from '../devices/select.ts';
import { ShapeError } from '../errors.ts';
import { generator } from './random.ts';
import { checkShape, formatShape, type Shape, sizeOf } from './shape.ts';
import { Tensor } from './tensor.ts';
import { flattenValues, type NestedArray } from './values.ts';

/** The options of functions that make tensors. */
export interface TensorOptions {
  /** Whether `backward()` accumulates a gradient for it. Default false. */
  requiresGrad?: boolean;
  /** Where it lives; default: the current device. */
  device?: Device;
}

/** A tensor of given values. */
function fromData(owner: string, data: Float32Array, shape: Shape, options: TensorOptions = {}): Tensor {
  if (data.length !== sizeOf(checkShape(owner, shape))) {
    throw new ShapeError(
      `${owner}: shape ${formatShape(shape)} wants ${sizeOf(shape)} values, got ${data.length}`,
    );
  }
  const { requiresGrad, device } = resolve(owner, options);
  return new Tensor({ device, storage: device.upload(data) }, shape, requiresGrad);
}

function resolve(owner: string, options: TensorOptions): Required<TensorOptions> {
  const { requiresGrad, device } = resolveOptions(owner, options, { requiresGrad: false, device: undefined });
  return { requiresGrad, device: device ?? currentDevice() };
}

/**
 * A tensor with a copy of `values`: nested lists, whose nesting is the shape, or flat numbers with the shape given.
 * Booleans are 1 and 0; all values become float32, in which whole numbers are exact to 2^24.
 *
 *     tensor([[1, 2], [3, 4]]);
 *     tensor(Int32Array.of(1, 2, 3, 4), [2, 2]);
 *     tensor([1, 2], { requiresGrad: true });
 *
 * @throws ArgumentError for anything but numbers, booleans and lists of them, naming its index
 * @throws ShapeError for ragged lists, naming the index, and where the values do not fill the shape
 */
export function tensor(values: NestedArray, shape?: Shape, options?: TensorOptions): Tensor;
export function tensor(values: NestedArray, options?: TensorOptions): Tensor;
export function tensor(
  values: NestedArray,
  second?: Shape | TensorOptions,
  options: TensorOptions = {},
): Tensor {
  const { data, shape } = flattenValues('tensor', 'values', values);
  if (second === undefined || Array.isArray(second))
    return fromData('tensor', data, second ?? shape, options);
  return fromData('tensor', data, shape, second as TensorOptions);
}

/** A shape, or sizes one by one, and then options. */
export interface CreateTensor {
  /** The shape as a list: `zeros([2, 3], { requiresGrad: true })`. @throws ShapeError for other than whole sizes >= 0 */
  (shape: Shape, options?: TensorOptions): Tensor;
  /** The sizes one by one: `zeros(2, 3)`. @throws ShapeError without any, or for other than whole sizes >= 0 */
  (...sizes: number[]): Tensor;
  /** The sizes one by one, and options: `zeros(2, 3, { requiresGrad: true })`. @throws ShapeError as without options */
  (...sizesAndOptions: [...sizes: number[], options: TensorOptions]): Tensor;
}

function createBy(owner: string, make: (shape: Shape, options: TensorOptions) => Tensor): CreateTensor {
  return (...args: unknown[]) => {
    const last = args.at(-1);
    const hasOptions = typeof last === 'object' && last !== null && !Array.isArray(last);
    const sizes = hasOptions ? args.slice(0, -1) : args;
    const [first] = sizes;
    const shape = sizes.length === 1 && Array.isArray(first) ? first : sizes;
    if (sizes.length === 0)
      throw new ShapeError(`${owner}: wants a shape, such as ${owner}([2, 3]) or ${owner}(2, 3)`);
    return make(checkShape(owner, shape as Shape), hasOptions ? (last as TensorOptions) : {});
  };
}

function filled(owner: string, shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  const { requiresGrad, device } = resolve(owner, options);
  const storage = device.fill(sizeOf(checkShape(owner, shape)), value);
  return new Tensor({ device, storage }, shape, requiresGrad);
}

/** A tensor full of one value, as torch.full. @throws ShapeError for other than whole sizes >= 0 */
export const full = (shape: Shape, value: number, options?: TensorOptions): Tensor =>
  filled('full', shape, value, options);

/** A tensor of zeros: `zeros(2, 3)` or `zeros([2, 3])`. */
export const zeros = createBy('zeros', (shape, options) => filled('zeros', shape, 0, options));

/** A tensor of ones: `ones(2, 3)` or `ones([2, 3])`. */
export const ones = createBy('ones', (shape, options) => filled('ones', shape, 1, options));

/** Uniform in [0, 1), from the seeded generator: `rand(2, 3)` or `rand([2, 3])`. */
export const rand = createBy('rand', (shape, options) =>
  fromData('rand', generator.uniform(sizeOf(shape)), shape, options),
);

/** Standard normal, from the seeded generator: `randn(2, 3)` or `randn([2, 3])`. */
export const randn = createBy('randn', (shape, options) =>
  fromData('randn', generator.normal(sizeOf(shape)), shape, options),
);

/** 0, 1, ... up to but without `end`, of shape [ceil(end)], as torch.arange. @throws ShapeError where `end` is not finite */
export function arange(end: number, options?: TensorOptions): Tensor;
/**
 * start, start + step, ... up to but without `end`, of shape [ceil((end - start) / step)], as torch.arange.
 * @param step default 1; may be negative
 * @throws ShapeError where that never ends
 */
export function arange(start: number, end: number, step?: number, options?: TensorOptions): Tensor;
/** start, start + 1, ... up to but without `end`. @throws ShapeError where that never ends */
export function arange(start: number, end: number, options: TensorOptions): Tensor;
export function arange(...args: readonly (number | TensorOptions | undefined)[]): Tensor {
  const last = args.at(-1);
  const options = typeof last === 'object' ? last : {};
  const numbers = args.filter((arg) => typeof arg !== 'object') as (number | undefined)[];
  const [start = 0, end = Number.NaN, step = 1] = numbers.length === 1 ? [0, numbers[0]] : numbers;
  if (!Number.isFinite((end - start) / step)) {
    throw new ShapeError(`arange: ${start} to ${end} by ${step} never ends`);
  }
  const length = Math.max(0, Math.ceil((end - start) / step));
  const data = Float32Array.from({ length }, (_, i) => start + i * step);
  return fromData('arange', data, [length], options);
}
