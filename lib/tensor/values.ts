/** Numbers as JavaScript holds them, made flat float32. */
import { ArgumentError, quote, ShapeError } from '../errors.ts';
import { Tensor } from './tensor.ts';

/** Float32Array, Int8Array, BigInt64Array and their like. */
export type TypedArray = ArrayBufferView & (ArrayLike<number> | ArrayLike<bigint>);

/** Numbers, or booleans for 1 and 0, in lists of one size per level. */
export type NestedArray = number | bigint | boolean | TypedArray | readonly NestedArray[];

/** The most axes of a tensor, as in PyTorch. */
const MAX_RANK = 64;

const isTypedArray = (value: unknown): value is TypedArray =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

const isList = (value: unknown): value is ArrayLike<unknown> => Array.isArray(value) || isTypedArray(value);

/**
 * Float32 values, row by row, and the shape that their nesting is. Whole numbers are exact to 2^24.
 * @param owner whose argument they are
 * @param name how that argument is called
 * @throws ArgumentError for anything but numbers, booleans and lists of them, naming its index
 * @throws ShapeError for ragged lists, naming the index
 */
export function flattenValues(
  owner: string,
  name: string,
  values: unknown,
): { data: Float32Array; shape: number[] } {
  if (values instanceof Float32Array) return { data: values, shape: [values.length] };
  const shape = shapeOf(owner, name, values);
  const data: number[] = [];
  const indices: number[] = [];

  const visit = (value: unknown, level: number): void => {
    if (isList(value)) {
      if (value.length !== shape[level]) throw refusal(value, level);
      for (let i = 0; i < value.length; i++) {
        indices[level] = i;
        visit(value[i], level + 1);
      }
      return;
    }
    const isNumber = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
    if (level < shape.length || !isNumber) throw refusal(value, level);
    data.push(Number(value));
  };

  const refusal = (value: unknown, level: number): Error => {
    const where = `${owner}: ${[name, ...indices.slice(0, level).map((index) => `[${index}]`)].join('')}`;
    if (value instanceof Tensor)
      return new ArgumentError(`${where} is a tensor; stack() and cat() join tensors`);
    const wanted = level < shape.length ? `a list of ${shape[level]}, as the first one` : 'a number';
    if (isList(value)) return new ShapeError(`${where} is a list of ${value.length}, wants ${wanted}`);
    const Kind = typeof value === 'number' ? ShapeError : ArgumentError;
    return new Kind(`${where} is ${quote(value)}, wants ${wanted}`);
  };

  visit(values, 0);
  return { data: Float32Array.from(data), shape };
}

/** The sizes of a list, of its first item, of that one's first item, and so on. */
function shapeOf(owner: string, name: string, values: unknown): number[] {
  const shape: number[] = [];
  for (let level = values; isList(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > MAX_RANK) {
      throw new ShapeError(
        `${owner}: ${name} is nested deeper than the ${MAX_RANK} axes that a tensor may have`,
      );
    }
  }
  return shape;
}
