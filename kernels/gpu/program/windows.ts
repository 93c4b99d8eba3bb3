import type { SlidingGeometry } from '../../primitives.ts';
import { quotient, remainder } from './program.ts';

/** One axis of a sliding window, in input coordinates. */
export interface WindowAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly input: number;
  readonly output: number;
}

export function verticalAxis(g: SlidingGeometry): WindowAxis {
  return {
    kernel: g.kernelHeight,
    stride: g.strideHeight,
    padding: g.paddingHeight,
    dilation: g.dilationHeight,
    input: g.inHeight,
    output: g.outHeight,
  };
}

export function horizontalAxis(g: SlidingGeometry): WindowAxis {
  return {
    kernel: g.kernelWidth,
    stride: g.strideWidth,
    padding: g.paddingWidth,
    dilation: g.dilationWidth,
    input: g.inWidth,
    output: g.outWidth,
  };
}

/** out * stride + tap * dilation - padding, of texts or numbers, without idle terms. */
export function inputPosition(axis: WindowAxis, out: string, tap: string): string {
  const start = axis.stride === 1 ? out : `${out} * ${axis.stride}`;
  const step = axis.kernel === 1 ? '' : ` + ${axis.dilation === 1 ? tap : `${tap} * ${axis.dilation}`}`;
  const back = axis.padding === 0 ? '' : ` - ${axis.padding}`;
  return `${start}${step}${back}`;
}

/** The condition that a position lies inside the input, or '' where every window does. */
export function insideInput(axis: WindowAxis, position: string): string {
  const last = (axis.output - 1) * axis.stride + (axis.kernel - 1) * axis.dilation - axis.padding;
  const tests: string[] = [];
  if (axis.padding > 0) tests.push(`${position} >= 0`);
  if (last >= axis.input) tests.push(`${position} < ${axis.input}`);
  return tests.join(' && ');
}

/** The windows that hold an input position: a loop over `count` candidates, each a tap and an output, if `valid`. */
export interface WindowsOf {
  readonly count: number;
  /** Declarations before the loops. */
  readonly prelude: string;
  /** Given the loop variable: the tap and the output position, and the condition that they exist. */
  candidate(variable: string): { tap: string; out: string; valid: string };
}

export function windowsOf(axis: WindowAxis, position: string, id: string): WindowsOf {
  const { kernel, stride, padding, dilation, output } = axis;
  const shifted = padding === 0 ? position : `${position} + ${padding}`;
  const within = (out: string) => `${out} >= 0 && ${out} < ${output}`;
  if (stride === 1) {
    const always = padding >= (kernel - 1) * dilation && axis.input - 1 + padding < output;
    return {
      count: kernel,
      prelude: '',
      candidate: (variable) => {
        const reach = dilation === 1 ? variable : `${variable} * ${dilation}`;
        const out = kernel === 1 ? shifted : `${shifted} - ${reach}`;
        return { tap: variable, out, valid: always ? '' : within(out) };
      },
    };
  }
  if (dilation === 1) {
    // Taps of one residue: tap = phase + stride * i belongs to output last - i.
    return {
      count: Math.ceil(kernel / stride),
      prelude: `const last${id} = ${quotient(`(${shifted})`, stride)};\nconst phase${id} = ${remainder(`(${shifted})`, stride)};`,
      candidate: (variable) => {
        const tap = `(phase${id} + ${variable} * ${stride})`;
        const out = `(last${id} - ${variable})`;
        const whole = kernel % stride === 0 ? '' : `${tap} < ${kernel} && `;
        return { tap, out, valid: whole + within(out) };
      },
    };
  }
  return {
    count: kernel,
    prelude: '',
    candidate: (variable) => {
      const reach = `(${shifted} - ${variable} * ${dilation})`;
      const out = quotient(reach, stride);
      return { tap: variable, out, valid: `${within(out)} && ${out} * ${stride} == ${reach}` };
    },
  };
}

/** Values to lay around the input, or around the outputs, so that no window reaches past an edge. */
export interface Margin {
  readonly before: number;
  readonly after: number;
}

/** Around an input that is the sum of its windows: no candidate of `windowsOf` is then missing. Null where strides skip. */
export function outputMargin({
  kernel,
  stride,
  padding,
  dilation,
  input,
  output,
}: WindowAxis): Margin | null {
  const before = (kernel - 1) * dilation - padding;
  const after = input - output + padding;
  return stride === 1 && before >= 0 && after >= 0 ? { before, after } : null;
}

/** if (a && b) { statement }, where conditions may be empty. */
export function when(conditions: readonly string[], statement: string): string {
  const tests = conditions.filter((condition) => condition !== '');
  return tests.length === 0 ? statement : `if (${tests.join(' && ')}) {\n${statement}\n}`;
}
