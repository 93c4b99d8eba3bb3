import type { FunctionBuilder } from './assembler.ts';
import type { Local, V128 } from './values.ts';

/** The columns of a 4x4 matrix that is given by its rows. */
export function transpose(f: FunctionBuilder, [a, b, c, d]: readonly V128[]): Local<V128>[] {
  const [ab0, ab1] = [f.v128(a.shuffle(b, [0, 4, 1, 5])), f.v128(a.shuffle(b, [2, 6, 3, 7]))];
  const [cd0, cd1] = [f.v128(c.shuffle(d, [0, 4, 1, 5])), f.v128(c.shuffle(d, [2, 6, 3, 7]))];
  return [
    f.v128(ab0.shuffle(cd0, [0, 1, 4, 5])),
    f.v128(ab0.shuffle(cd0, [2, 3, 6, 7])),
    f.v128(ab1.shuffle(cd1, [0, 1, 4, 5])),
    f.v128(ab1.shuffle(cd1, [2, 3, 6, 7])),
  ];
}
