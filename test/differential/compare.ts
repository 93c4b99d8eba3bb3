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

const isRefusal = (run: Run | Refusal): run is Refusal => 'message' in run;

/** The first difference of `ours` from PyTorch's, or null. */
export function compare(
  program: Program,
  ours: Run | Refusal,
  exact: Run | Refusal,
  rounded: Run | Refusal,
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
  const all = [...inputs, ...exact.outputs].flatMap(({ values }) => Array.from(values));
  const largest = all.reduce(
    (most, value) =>
      Math.abs(value) > most && value !== Infinity && value !== -Infinity ? Math.abs(value) : most,
    1,
  );
  for (const [i, output] of ours.outputs.entries()) {
    const fault = differ(output, exact.outputs[i], rounded.outputs[i], largest);
    if (fault)
      return { what: `v${inputs.length + i}, ${steps[i].op}: ${fault}`, kind: `value of ${steps[i].op}` };
  }
  if (!ours.gradients || !exact.gradients || !rounded.gradients) return null;
  const isTame = exact.outputs.every(({ values }) => Array.from(values).every(Number.isFinite));
  for (const [i, gradient] of ours.gradients.entries()) {
    const [right, near] = [exact.gradients[i], rounded.gradients[i]];
    if (!gradient && !right) continue;
    const fault =
      gradient && right && near
        ? differ(gradient, right, near, largest, !isTame)
        : `${gradient ? 'one' : 'none'}, PyTorch has ${right ? 'one' : 'none'}`;
    if (fault) {
      const ops = [...new Set(steps.map(({ op }) => op))].join(', ');
      return { what: `gradient of v${i}: ${fault}`, kind: `gradient through ${ops}` };
    }
  }
  return null;
}

/**
 * What is wrong with a tensor, or null.
 * @param largest of all values of the program, and 1
 * @param passesNaN whether a NaN on one side is no fault: where values are not finite, PyTorch itself multiplies a gradient
 *   by 0 or leaves it out, by op and by device
 */
function differ(
  ours: Result,
  exact: Result,
  rounded: Result,
  largest: number,
  passesNaN = false,
): string | null {
  if (String(ours.shape) !== String(exact.shape))
    return `shape [${ours.shape}], PyTorch has [${exact.shape}]`;
  const { values } = exact;
  let [scale, noise] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    scale = Math.max(scale, Math.abs(values[i]));
    const error = Math.abs(rounded.values[i] - values[i]);
    if (Number.isFinite(error)) noise = Math.max(noise, error);
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
