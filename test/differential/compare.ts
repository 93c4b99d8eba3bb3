/** Whether two sides agree. */
import type { Program, Refusal, Result, Run } from './program.ts';

/** Where they do not. */
export interface Difference {
  /** What differs first. */
  readonly what: string;
  /** The same whatever the numbers are, by which findings are told apart. */
  readonly kind: string;
}

/** Relative to the largest value of the tensor: what float32 loses in a sum of some thousand terms. */
const RELATIVE = 2e-5;
/** And how many times the error of PyTorch's own float32 may be exceeded: sums may run in another order. */
const TIMES_ROUNDING = 16;
/** Of the largest value of all: what is left where terms cancel that are no smaller. */
const CANCELLED = 1e-7;
/** Beyond it float32 overflows in one order of operations, and in another does not. */
const OVERFLOW = 1e30;

/** A program of PyTorch's in float64, which is right, and in float32, which tells how far rounding leads away. */
export type TorchRuns = readonly [exact: Run | Refusal, rounded: Run | Refusal];

const isRefusal = (run: Run | Refusal): run is Refusal => 'message' in run;

/**
 * The first difference of `ours` from PyTorch's, or null.
 * @param others PyTorch's of the same program with inputs a little off: how much rounding can do
 */
export function compare(
  program: Program,
  ours: Run | Refusal,
  [exact, rounded]: TorchRuns,
  others: readonly TorchRuns[] = [],
): Difference | null {
  const { steps, inputs } = program;
  if (isRefusal(ours) || isRefusal(exact) || isRefusal(rounded)) {
    const [one, other] = [isRefusal(ours) ? ours : null, isRefusal(exact) ? exact : null];
    if (one?.step === other?.step) return null;
    const { step, message } = one ?? other ?? (rounded as Refusal);
    const who = one ? 'this library' : 'PyTorch';
    return {
      what: `${who} refuses step v${inputs.length + step}, ${steps[step].op}: ${message}`,
      kind: `${who} refuses ${steps[step].op}`,
    };
  }
  const pairs = [[exact, rounded] as const, ...others].flatMap(([right, near]) =>
    isRefusal(right) || isRefusal(near) ? [] : { right, near },
  );
  const largest = largestOf([...inputs, ...exact.outputs]);
  for (const [i, output] of ours.outputs.entries()) {
    const noise = Math.max(...pairs.map(({ right, near }) => distance(right.outputs[i], near.outputs[i])));
    const fault = differ(output, exact.outputs[i], rounded.outputs[i], noise, largest);
    if (fault)
      return { what: `v${inputs.length + i}, ${steps[i].op}: ${fault}`, kind: `value of ${steps[i].op}` };
  }
  if (!ours.gradients || !exact.gradients || !rounded.gradients) return null;
  const isTame = exact.outputs.every(({ values }) => Array.from(values).every(Number.isFinite));
  for (const [i, gradient] of ours.gradients.entries()) {
    const [right, near] = [exact.gradients[i], rounded.gradients[i]];
    if (!gradient && !right) continue;
    const noise = Math.max(
      ...pairs.map(({ right, near }) => distance(right.gradients?.[i] ?? null, near.gradients?.[i] ?? null)),
    );
    const fault =
      gradient && right && near
        ? differ(gradient, right, near, noise, largest, !isTame)
        : `${gradient ? 'one' : 'none'}, PyTorch has ${right ? 'one' : 'none'}`;
    if (fault) {
      const ops = [...new Set(steps.map(({ op }) => op))].join(', ');
      return { what: `gradient of v${i}: ${fault}`, kind: `gradient through ${ops}` };
    }
  }
  return null;
}

/** The largest finite size, or 1. */
function largestOf(tensors: readonly { readonly values: ArrayLike<number> }[]): number {
  let largest = 1;
  for (const { values } of tensors) {
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i])) largest = Math.max(largest, Math.abs(values[i]));
    }
  }
  return largest;
}

/** The largest finite difference. */
function distance(right: Result | null, near: Result | null): number {
  if (!right || !near) return 0;
  let most = 0;
  for (let i = 0; i < right.values.length; i++) {
    const error = Math.abs(right.values[i] - near.values[i]);
    if (Number.isFinite(error)) most = Math.max(most, error);
  }
  return most;
}

/**
 * What is wrong with a tensor, or null.
 * @param noise what rounding does to it
 * @param largest of all values of the program, and 1
 * @param passesNaN whether a NaN on one side is no fault: where values are not finite, PyTorch itself multiplies a gradient
 *   by 0 or leaves it out, by op and by device
 */
function differ(
  ours: Result,
  exact: Result,
  rounded: Result,
  noise: number,
  largest: number,
  passesNaN = false,
): string | null {
  if (String(ours.shape) !== String(exact.shape))
    return `shape [${ours.shape}], PyTorch has [${exact.shape}]`;
  const { values } = exact;
  let scale = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) scale = Math.max(scale, Math.abs(values[i]));
  }
  const allowed = RELATIVE * scale + TIMES_ROUNDING * noise + CANCELLED * largest;
  for (let i = 0; i < values.length; i++) {
    const [own, right] = [ours.values[i], values[i]];
    if (Object.is(own, right) || own === right) continue;
    if (passesNaN && Number.isNaN(own - right)) continue;
    if (Math.abs(right) > OVERFLOW || Number.isFinite(right) !== Number.isFinite(rounded.values[i])) continue;
    if (!(Math.abs(own - right) <= allowed))
      return `element ${i} is ${own}, PyTorch has ${right} (within ${allowed.toPrecision(2)})`;
  }
  return null;
}
