import { cpus, loadavg, totalmem } from 'node:os';

export const describeCpu = (): string =>
  `${cpus().length} x ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB`;

/** One line on the machine and the engine. */
export function describeMachine(): string {
  const { node, v8 } = process.versions;
  return `${describeCpu()}, load ${loadavg()[0].toFixed(1)}; Node ${node}, V8 ${v8}`;
}
