/** Visits the index space `shape` in row-major order with the running offset of each operand. */
export function eachIndex(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (i: number, offsets: readonly number[]) => void,
): void {
  const size = shape.reduce((product, n) => product * n, 1);
  for (let i = 0; i < size; i++) {
    const offsets = strides.map(() => 0);
    let rest = i;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const index = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
      for (let o = 0; o < strides.length; o++) offsets[o] += index * strides[o][axis];
    }
    visit(i, offsets);
  }
}

/** Row-major strides of `shape`; axes where `skip` is true get 0 and are left out of the product. */
export function stridesOf(shape: readonly number[], skip: readonly boolean[] = []): number[] {
  const strides = shape.map(() => 0);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (skip[axis]) continue;
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}
