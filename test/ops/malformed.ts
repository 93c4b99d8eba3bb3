import { Allocations } from '../../lib/devices/allocations.ts';
import type { Device } from '../../lib/devices/device.ts';
import { guarded } from '../../lib/devices/guard.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { GradiographError } from '../../lib/errors.ts';
import { memory, Tensor, tensor, tidy } from '../../lib/index.ts';
import { Generator } from '../../lib/tensor/random.ts';
import { pick } from '../primitives/drawing.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { applyOp, CASES, type GoldenCase } from './cases.ts';
import { checkOp, valuesOf } from './check.ts';

/** The ops of the table. */
export const OPS = [...new Set(CASES.map(({ op }) => op))];

/** Numbers of which none is right everywhere; those that are large are larger than any memory. */
const NUMBERS = [
  Number.NaN,
  -1,
  0,
  0.5,
  1,
  2,
  -3,
  7,
  2 ** 31,
  2 ** 40,
  -(2 ** 40),
  1e300,
  Number.POSITIVE_INFINITY,
];
/** What is no number, nor a list of them. */
const STRANGE = [null, undefined, 'x', {}, true, [[1]], ['x'], Symbol('x')];

/** What a value of an argument may be instead: the same kind with another value, or (`strange`) another kind. */
function mutated(random: Generator, value: unknown, strange: boolean): unknown {
  if (strange) return pick(random, STRANGE);
  if (Array.isArray(value) && value.length > 0 && random.random() < 0.7) {
    return value.with(random.integer(value.length), pick(random, NUMBERS));
  }
  if (Array.isArray(value)) return Array.from({ length: random.integer(4) }, () => pick(random, NUMBERS));
  return pick(random, NUMBERS);
}

/** A tensor that does not fit: of another shape, without values, disposed, or on another device. */
function misfit(random: Generator, shape: readonly number[], device: Device): Tensor {
  const other = shape.map((size) => (random.random() < 0.5 ? size : random.integer(4)));
  const choice = random.integer(6);
  const target = [[0], [2, 0], [], [...shape, 2], other, shape][choice];
  if (choice === 5 && random.random() < 0.5)
    setDevice(guarded(new ReferenceDevice(), new Allocations(() => {})));
  const length = target.reduce((product, size) => product * size, 1);
  const values = random.uniform(length, -1, 1);
  const made = tensor(values, [...target], { requiresGrad: random.random() < 0.5 });
  setDevice(device);
  if (choice === 5 && made.device === device) made.dispose();
  return made;
}

/** A call of the op with one or two things wrong. */
function malformedCall(random: Generator, golden: GoldenCase, device: Device) {
  const strange = random.random() < 0.2;
  const args: Record<string, unknown> = { ...golden.args };
  const inputs: unknown[] = golden.inputs.map(
    (input) => input && tensor(valuesOf(input), input.shape, { requiresGrad: input.differentiable }),
  );
  for (let faults = 1 + random.integer(2); faults > 0; faults--) {
    const keys = Object.keys(args);
    const at = random.integer(keys.length + inputs.length);
    if (at < keys.length) args[keys[at]] = mutated(random, args[keys[at]], strange);
    else if (strange) inputs[at - keys.length] = pick(random, STRANGE);
    else inputs[at - keys.length] = misfit(random, golden.inputs[at - keys.length]?.shape ?? [2], device);
  }
  const call = () => {
    const output = applyOp({ ...golden, args } as unknown as GoldenCase, inputs as (Tensor | null)[]);
    if (output?.requiresGrad) output.backward(tensor(new Float32Array(output.size), output.shape));
    return output;
  };
  const text = JSON.stringify([
    golden.name,
    args,
    inputs.map((x) => (x instanceof Tensor ? x.shape : String(x))),
  ]);
  return { strange, call, text };
}

/**
 * Calls an op `calls` times with arguments that are wrong: what is thrown is an error of the library's own wherever
 * the argument is of the right kind, and whatever happens, no byte stays behind and the device still computes.
 */
export async function checkMalformed(device: Device, op: string, calls: number): Promise<void> {
  setDevice(device);
  const rows = CASES.filter((row) => row.op === op);
  const random = new Generator(OPS.indexOf(op));
  for (let i = 0; i < calls; i++) {
    const before = memory();
    let what = '';
    tidy(() => {
      const { strange, call, text } = malformedCall(random, pick(random, rows), device);
      what = text;
      try {
        call();
      } catch (error) {
        if (strange ? error instanceof Error : error instanceof GradiographError) return;
        throw new Error(`${text}: ${error instanceof Error ? error.stack : error}`);
      }
    });
    const after = memory();
    if (after.tensors !== before.tensors || after.bytesInUse !== before.bytesInUse) {
      throw new Error(
        `${what}: ${before.tensors} tensors (${before.bytesInUse} bytes) before, ${after.tensors} (${after.bytesInUse}) after`,
      );
    }
  }
  await checkOp(rows[0], device);
}
