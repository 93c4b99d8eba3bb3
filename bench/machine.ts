import { cpus, loadavg, totalmem } from 'node:os';

/** One line on the machine and the engine. */
export function describeMachine(): string {
  const { node, v8 } = process.versions;
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cpus().length} x ${cpus()[0].model}, ${memory}, load ${loadavg()[0].toFixed(1)}; Node ${node}, V8 ${v8}`;
}
