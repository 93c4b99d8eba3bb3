import type { Device } from '../devices/device.ts';

/** What is done once a step of a loop: of training, and of anything whose result is looked at. */
type Step = 'backward' | 'read';

/** Steps, each with more tensors than the one before, from which on it is no accident. */
const PATIENCE = 50;

/** Tensors that become more and more: a loop makes them and nobody gives them back. */
export interface Growth {
  /** When there were the fewest. */
  readonly since: Date;
  /** How often there were more than before, and never less in between, at the end of `backward()` or on reading values. */
  readonly steps: number;
  /** How many more there are than then. */
  readonly tensors: number;
}

interface Series {
  since: Date;
  fewest: number;
  last: number;
  rises: number;
}

const series = new WeakMap<Device, Partial<Record<Step, Series>>>();
let warned = false;

/** Notes how many tensors a device has at a step. Warns, once in the life of a program, where they grow without end. */
export function noteStep(device: Device, step: Step, tensors: number): void {
  const ofDevice = series.get(device) ?? {};
  series.set(device, ofDevice);
  const current = ofDevice[step];
  if (!current || tensors < current.last) {
    ofDevice[step] = { since: new Date(), fewest: tensors, last: tensors, rises: 0 };
    return;
  }
  if (tensors === current.last) {
    if (current.rises === 0) current.since = new Date();
    return;
  }
  current.last = tensors;
  current.rises++;
  if (current.rises < PATIENCE || warned) return;
  warned = true;
  console.warn(
    `gradiograph: the tensors on '${device.name}' grow: ${tensors - current.fewest} more than at ${current.since.toISOString()}, ` +
      `after ${current.rises} steps that each left some behind. Run a step inside tidy(() => ...), which frees what it made, ` +
      `or dispose() of it; memory() tells how many there are.`,
  );
}

/** How the tensors of a device grow, or null where they do not, or only now and then. */
export function growthOf(device: Device): Growth | null {
  const grown = Object.values(series.get(device) ?? {}).filter(({ rises }) => rises >= PATIENCE);
  if (grown.length === 0) return null;
  const { since, rises, last, fewest } = grown.reduce((a, b) => (b.since < a.since ? b : a));
  return { since, steps: rises, tensors: last - fewest };
}
