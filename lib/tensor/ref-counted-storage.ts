import type { Device, Storage } from '../devices/device.ts';
import { AutogradError } from '../errors.ts';

const liveStorages = new WeakMap<Device, number>();
/** The storages whose handles are counted: with two counts one would be freed twice. */
const owned = new WeakSet<Storage>();

/** A storage and the number of handles that share it. `version` counts the writes, so that a stale save is noticed. */
export class RefCountedStorage {
  handles = 1;
  version = 0;
  constructor(
    readonly device: Device,
    public storage: Storage,
  ) {
    checkUnowned('tensor', storage);
    owned.add(storage);
    liveStorages.set(device, (liveStorages.get(device) ?? 0) + 1);
  }

  /** Owns another storage; the one before is freed. */
  replace(storage: Storage): void {
    if (storage === this.storage) return;
    checkUnowned('assign', storage);
    owned.delete(this.storage);
    owned.add(storage);
    this.device.free(this.storage);
    this.storage = storage;
  }

  release(): void {
    if (--this.handles > 0) return;
    liveStorages.set(this.device, (liveStorages.get(this.device) ?? 1) - 1);
    owned.delete(this.storage);
    this.device.free(this.storage);
  }

  /** How many storages of a device are alive. */
  static count(device: Device): number {
    return liveStorages.get(device) ?? 0;
  }
}

/** @throws AutogradError for a storage that a live tensor owns */
function checkUnowned(op: string, storage: Storage): void {
  if (!owned.has(storage)) return;
  throw new AutogradError(
    `${op}: the storage belongs to another tensor; share it through that tensor's detach(), or copy its values with copy_()`,
  );
}
