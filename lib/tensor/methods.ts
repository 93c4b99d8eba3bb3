/** Hangs functions of a tensor on as its methods. All but `backward` are declared beside their functions. */
// Declaration files keep these two imports, by which their readers find the methods of files that nothing exports.
import '../ops/copy.ts';
import '../ops/to.ts';
import * as copying from '../ops/copy.ts';
import * as functions from '../ops/methods.ts';
import * as moving from '../ops/to.ts';
import { variance } from '../ops/variance.ts';
import { where } from '../ops/where.ts';
import { type BackwardOptions, backward } from './autograd.ts';
import { Tensor } from './tensor.ts';

declare module './tensor.ts' {
  interface Tensor {
    /**
     * Accumulates d(this)/d(leaf) into `grad` of every leaf that wants it, and frees the graph on the way unless told to
     * retain it.
     * @param gradient of this tensor, in its shape; one of a single value may leave it out (1)
     * @throws AutogradError for a tensor without a graph, or one whose graph was freed
     */
    backward(gradient?: Tensor, options?: BackwardOptions): void;

    /** The same for a single value, with options. */
    backward(options: BackwardOptions): void;
  }
}

/** The function that a declared method calls with its tensor; never for a method that is not declared. */
type FunctionOf<Name> = Name extends keyof Tensor
  ? Tensor[Name] extends (...args: infer Args) => infer Result
    ? (x: Tensor, ...args: Args) => Result
    : never
  : never;

function addMethods<Name extends string>(methods: { readonly [N in Name]: FunctionOf<N> }): void {
  for (const [name, method] of Object.entries<(x: Tensor, ...args: never) => unknown>(methods)) {
    Object.assign(Tensor.prototype, {
      [name](this: Tensor, ...args: never) {
        return method(this, ...args);
      },
    });
  }
}

addMethods(functions);
addMethods({ ...copying, ...moving, var: variance, backward });
addMethods({ where: (x, condition, other) => where(condition, x, other) });
