/** One network in one mode, in a process of its own, so that peak memory is its own: started by training.ts. */
import { availableParallelism } from 'node:os';
import type { DeviceChoice } from '../../lib/devices/select.ts';
import { init, type Profile, profile } from '../../lib/index.ts';
import { type NetworkTask, openNetwork } from '../workload/networks.ts';
import { type Sample, summarize } from './statistics.ts';

export interface NetworkRequest extends NetworkTask {
  readonly device: DeviceChoice;
  readonly threads?: number;
  readonly steps: number;
  /** Rows to tell of the profile. */
  readonly profile: number;
}

export interface NetworkResult {
  readonly device: string;
  /** Of milliseconds a step. */
  readonly sample: Sample;
  /** Most that the device held from the system, and that the process had resident. */
  readonly bytesHeld: number;
  readonly residentBytes: number;
  /** Where the time of one more step goes, slowest first; empty where no rows are asked for. */
  readonly profile: string;
}

process.once('message', async (request: NetworkRequest) => {
  process.send?.(await measure(request));
  process.disconnect();
});

async function measure(request: NetworkRequest): Promise<NetworkResult> {
  const device = await init({ device: request.device, threads: request.threads ?? availableParallelism() });
  const step = openNetwork(request);
  const times: number[] = [];
  let bytesHeld = 0;
  for (let i = 0; i <= request.steps; i++) {
    const start = performance.now();
    await step();
    if (i > 0) times.push(performance.now() - start);
    bytesHeld = Math.max(bytesHeld, device.memory().bytesHeld);
  }
  const table = request.profile ? slowest(await profile(step), request.profile) : '';
  await device.dispose();
  return {
    device: device.description,
    sample: summarize(times),
    bytesHeld,
    residentBytes: process.resourceUsage().maxRSS * 1024,
    profile: table,
  };
}

function slowest(whole: Profile, count: number): string {
  const lines = String(whole).split('\n');
  const left = whole.rows.length - count;
  if (left <= 0) return lines.join('\n');
  const before = lines.length - SUMMARY - left;
  return [
    ...lines.slice(0, before),
    `... ${left} more (--profile ${whole.rows.length})`,
    ...lines.slice(-SUMMARY),
  ].join('\n');
}

/** Lines of a profile below its rows: between ops, total. */
const SUMMARY = 2;
