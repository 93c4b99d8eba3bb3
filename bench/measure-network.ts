/** One network in one mode, in a process of its own, so that peak memory is its own: started by training.ts. */
import { availableParallelism } from 'node:os';
import type { DeviceChoice } from '../lib/devices/select.ts';
import { init, profile } from '../lib/index.ts';
import { type NetworkTask, openNetwork } from './network.ts';
import { type Sample, summarize } from './statistics.ts';

export interface NetworkRequest extends NetworkTask {
  readonly device: DeviceChoice;
  readonly threads?: number;
  readonly steps: number;
  readonly profile: boolean;
}

export interface NetworkResult {
  readonly device: string;
  /** Of milliseconds a step. */
  readonly sample: Sample;
  /** Most that the device held from the system, and that the process had resident. */
  readonly bytesHeld: number;
  readonly residentBytes: number;
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
  const table = request.profile ? String(await profile(step)) : '';
  await device.dispose();
  return {
    device: device.description,
    sample: summarize(times),
    bytesHeld,
    residentBytes: process.resourceUsage().maxRSS * 1024,
    profile: table,
  };
}
