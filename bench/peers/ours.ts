/** Ourselves, under the rules of the others. */
import type { Device, Storage } from '../../lib/devices/device.ts';
import { settle } from '../measure/settle.ts';
import { openNetwork } from '../workload/networks.ts';
import { openKernel } from '../workload/ours.ts';
import type { KernelTask } from '../workload/tasks.ts';
import type { Contestant, Opened } from './stage.ts';

/** @param device the current one @param engine what it runs in */
export function ours(device: Device, engine: string): Contestant {
  return {
    version: 'this tree',
    detail: `${device.description}; ${engine}`,
    open: async (task) => (task.kind === 'network' ? { run: openNetwork(task) } : open(device, task)),
  };
}

function open(device: Device, task: KernelTask): Opened {
  const kernel = openKernel(device, task);
  let last: Storage[] = [];
  const forget = () => {
    for (const storage of last) device.free(storage);
    last = [];
  };
  return {
    async run() {
      forget();
      last = kernel.run();
      await settle(device, last[0]);
    },
    result: () => device.read(last[0]),
    close() {
      forget();
      kernel.close();
    },
  };
}
