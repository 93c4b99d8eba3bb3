import type { Device } from '../../lib/devices/device.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { memory, noGrad, type Tensor, tensor, tidy } from '../../lib/index.ts';
import { close, decode } from '../support/close-to.ts';
import { hashed } from '../support/hashed.ts';
import { applyOp, type GoldenCase, type GoldenInput } from './cases.ts';

/** How far central differences step to each side, and the share of sum|gradient * step| they may be off. */
const STEP = 1e-2;
const DIFFERENCE_RTOL = 2e-3;
/** The float32 noise allowed in a difference of two weighted outputs, as a share of sum|weight * output|. */
const NOISE = 2e-6;

/**
 * Runs one op forward and backward on `device`: output, gradients and overwritten inputs must be those that PyTorch
 * recorded, the gradients must agree with central differences of our own forward pass along a random direction,
 * and every tensor made on the way must be given back.
 * @throws Error naming the case, the tensor and its worst element
 */
export async function checkOp(golden: GoldenCase, device: Device): Promise<void> {
  setDevice(device);
  const before = memory();
  await tidy(() => checkValues(golden));
  const after = memory();
  if (after.tensors !== before.tensors || after.bytesInUse !== before.bytesInUse) {
    throw new Error(
      `${golden.name}: ${before.tensors} tensors (${before.bytesInUse} bytes) before, ${after.tensors} (${after.bytesInUse}) after`,
    );
  }
}

async function checkValues(golden: GoldenCase): Promise<void> {
  const values = golden.inputs.map((input) => input && valuesOf(input));
  const inputs = golden.inputs.map((input, i) => input && toTensor(input, values[i]));
  const output = applyOp(golden, inputs);
  if (output.shape.join() !== golden.output.shape.join()) {
    throw new Error(`${golden.name}: output has shape [${output.shape}], PyTorch's [${golden.output.shape}]`);
  }
  close(`${golden.name}: output`, await output.data(), decode(golden.output.data));
  for (const [i, data] of Object.entries(golden.overwritten ?? {})) {
    close(`${golden.name}: input ${i} afterwards`, await inputs[Number(i)]?.data(), decode(data));
  }
  if (golden.upstream === undefined) return;

  const upstream = hashed(output.size, golden.upstream);
  output.backward(tensor(upstream, output.shape));
  const gradients = await Promise.all(inputs.map(async (input) => input?.grad?.data()));
  golden.gradients?.forEach((data, i) => {
    if (data !== null) close(`${golden.name}: gradient of input ${i}`, gradients[i], decode(data));
    else if (gradients[i]) throw new Error(`${golden.name}: input ${i} has a gradient and should have none`);
  });
  if (golden.smooth) await checkDifferences(golden, values, gradients, upstream);
}

/** sum(upstream * (f(x + step) - f(x - step))) against sum(gradient * 2 * step), all inputs moving at once. */
async function checkDifferences(
  golden: GoldenCase,
  values: readonly (Float32Array | null)[],
  gradients: readonly (Float32Array | undefined)[],
  upstream: Float32Array,
): Promise<void> {
  const moved = (sign: number) =>
    values.map(
      (data, i) =>
        data && gradients[i] && data.map((x, j) => x + sign * STEP * (DIRECTION[(i + j) % 31] ? 1 : -1)),
    );
  const [ahead, behind] = [moved(1), moved(-1)];
  const evaluate = async (places: typeof ahead) => {
    const inputs = golden.inputs.map((input, i) => input && toTensor(input, places[i] ?? values[i]));
    return noGrad(() => applyOp(golden, inputs)).data();
  };
  const [above, below] = [await evaluate(ahead), await evaluate(behind)];

  let numeric = 0;
  let noise = 0;
  upstream.forEach((weight, i) => {
    numeric += weight * (above[i] - below[i]);
    noise += NOISE * Math.abs(weight * above[i]);
  });
  let analytic = 0;
  let scale = 0;
  gradients.forEach((gradient, i) => {
    gradient?.forEach((slope, j) => {
      const term = slope * ((ahead[i]?.[j] ?? 0) - (behind[i]?.[j] ?? 0));
      analytic += term;
      scale += Math.abs(term);
    });
  });
  if (!(Math.abs(numeric - analytic) <= DIFFERENCE_RTOL * scale + noise)) {
    throw new Error(
      `${golden.name}: differences give ${numeric} along a direction, the gradients ${analytic} (of ${scale} in absolute terms)`,
    );
  }
}

/** Signs without a pattern that a stride could meet. */
const DIRECTION = hashed(31, 7).map((x) => (x > 0 ? 1 : 0));

export function valuesOf({ shape, data, hash }: GoldenInput): Float32Array {
  if (data !== undefined) return decode(data);
  if (!hash) throw new Error('an input of a case has neither data nor hash');
  return hashed(
    shape.reduce((product, n) => product * n, 1),
    ...hash,
  );
}

const toTensor = ({ shape, differentiable }: GoldenInput, values: Float32Array | null): Tensor =>
  tensor(values ?? new Float32Array(), shape, { requiresGrad: differentiable });
