// `using` and Symbol.dispose: for the declaration files, whatever `lib` they are read with.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Device, Storage } from '../devices/device.ts';
import { AutogradError, ShapeError } from '../errors.ts';
import { noteStep } from './growth.ts';
import { printTensor } from './print.ts';
import { RefCountedStorage } from './ref-counted-storage.ts';
import { checkShape, formatShape, type Shape, sizeOf } from './shape.ts';

/** The op that made a tensor, as far as the tensor has to do with it. */
export interface TapeNode {
  /** The op's name. */
  readonly name: string;
  /** Tells the op that the tensor is gone. */
  release(): void;
}

const scopes: Set<Tensor>[] = [];

/** The net beneath scopes: a handle that was lost without `dispose()` gives its storage back when collected. */
const lost = new FinalizationRegistry<RefCountedStorage>((counted) => {
  try {
    counted.release();
  } catch (error) {
    // Nobody could catch it: it would end the process, at some later time.
    console.error('gradiograph: a tensor that was lost could not be freed:', error);
  }
});

/** @throws ShapeError where the storage has more values than the shape, or fewer */
function checkLength(shape: Shape, { length }: Storage): void {
  if (length === sizeOf(shape)) return;
  throw new ShapeError(
    `tensor: shape ${formatShape(shape)} wants ${sizeOf(shape)} values, the storage has ${length}`,
  );
}

/**
 * A dense array of float32 values on a device, row-major, with an optional gradient.
 *
 * Handles are cheap: `reshape` and `detach` share the storage of the tensor that they come from.
 * Arithmetic, shape and activation methods are added in `methods.ts`.
 */
export class Tensor {
  /** The sizes of the axes, the slowest first. */
  readonly shape: Shape;
  /** Whether `backward()` accumulates a gradient into `grad`; true also for what is computed from such tensors. */
  requiresGrad: boolean;
  /** The gradient that `backward()` accumulated: a tensor of this shape, or null. */
  grad: Tensor | null = null;
  /** The op that made this tensor, while its gradient can still be asked for. @internal */
  node: TapeNode | null = null;
  #counted: RefCountedStorage | null;
  #scope: Set<Tensor> | null;
  readonly #lateChecks: { readonly invalid: Tensor; readonly error: Error }[] = [];
  #cached: { readonly version: number; readonly tensors: readonly Tensor[] } | null = null;

  /**
   * Wraps a storage that the tensor then owns, or (given a tensor) a second handle on its storage.
   * @param requiresGrad default false
   * @throws AutogradError for a storage that another tensor owns
   * @throws ShapeError where the shape does not fit; the storage is freed then
   */
  constructor(source: { device: Device; storage: Storage } | Tensor, shape: Shape, requiresGrad = false) {
    this.requiresGrad = requiresGrad;
    if (source instanceof Tensor) {
      this.#counted = source.#live();
      this.#counted.handles++;
    } else this.#counted = new RefCountedStorage(source.device, source.storage);
    try {
      this.shape = Object.freeze([...checkShape('tensor', shape)]);
      checkLength(this.shape, this.#counted.storage);
    } catch (error) {
      this.#counted.release();
      throw error;
    }
    lost.register(this, this.#counted, this);
    this.#scope = scopes.at(-1) ?? null;
    this.#scope?.add(this);
  }

  #live(): RefCountedStorage {
    if (!this.#counted) {
      throw new AutogradError(
        `a tensor of shape ${formatShape(this.shape)} was used after it was disposed: return it from tidy(), or keep() it`,
      );
    }
    return this.#counted;
  }

  /** Where the values are. @throws AutogradError once it is disposed */
  get device(): Device {
    return this.#live().device;
  }

  /** The device's buffer, for ops and optimisers. */
  get storage(): Storage {
    return this.#live().storage;
  }

  /** How often the storage was overwritten through `assign`. @internal */
  get version(): number {
    return this.#live().version;
  }

  /** Whether other handles have the same storage. @internal */
  get isShared(): boolean {
    return this.#live().handles > 1;
  }

  /** The name of the class, for what prints objects: that of the constructor is lost to minifiers. */
  get [Symbol.toStringTag](): string {
    return 'Tensor';
  }

  /** Whether `dispose()` or the end of a scope has given its values back. */
  get isDisposed(): boolean {
    return this.#counted === null;
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** The number of values. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Whether no recorded op made this tensor. */
  get isLeaf(): boolean {
    return this.node === null;
  }

  /**
   * Overwrites the values with those of a storage that is then owned by this tensor and all that share with it.
   * @throws AutogradError for a storage that another tensor owns: `copy_` copies
   */
  assign(storage: Storage): void {
    const counted = this.#live();
    if (storage.length !== this.size) {
      throw new ShapeError(
        `assign: ${formatShape(this.shape)} wants ${this.size} values, the storage has ${storage.length}`,
      );
    }
    counted.replace(storage);
    counted.version++;
  }

  /**
   * Takes this handle to another device, with its gradient; other handles on its values stay.
   * @throws DeviceError where the device it is on has no synchronous read; it stays there then
   * @internal
   */
  move(device: Device): void {
    const counted = this.#live();
    if (counted.device === device) return;
    const moved = new RefCountedStorage(device, device.upload(this.dataSync()));
    lost.unregister(this);
    lost.register(this, moved, this);
    counted.release();
    this.#counted = moved;
    this.#dropCached();
    this.grad?.move(device);
  }

  /** A second handle on the same values, outside the gradient graph. */
  detach(): Tensor {
    return new Tensor(this, this.shape);
  }

  /** What `make` computed from the values of this tensor, once: it is kept until they change, or are disposed. @internal */
  cached(make: () => readonly Tensor[]): readonly Tensor[] {
    if (this.#cached?.version !== this.version) {
      this.#dropCached();
      this.#cached = { version: this.version, tensors: make().map((tensor) => tensor.keep()) };
    }
    return this.#cached.tensors;
  }

  #dropCached(): void {
    for (const tensor of this.#cached?.tensors ?? []) tensor.dispose();
    this.#cached = null;
  }

  /** Marks a leaf as one that wants a gradient, or no longer does; returns it. */
  setRequiresGrad(requiresGrad = true): this {
    if (this.node) throw new AutogradError('requiresGrad can only be changed on a leaf; use detach() first');
    this.requiresGrad = requiresGrad;
    return this;
  }

  /** Copies the values out. */
  data(): Promise<Float32Array> {
    const { device, storage } = this.#live();
    noteStep(device, 'read', Tensor.count(device));
    return this.#lateChecks.length > 0 ? this.#readChecked(device, storage) : device.read(storage);
  }

  async #readChecked(device: Device, storage: Storage): Promise<Float32Array> {
    const errors = this.#lateChecks.map(({ error }) => error);
    const [values, ...counts] = await Promise.all(
      [storage, ...this.#lateChecks.map(({ invalid }) => invalid.storage)].map((each) => device.read(each)),
    );
    const failed = counts.findIndex(([count]) => count !== 0);
    if (failed >= 0) throw errors[failed];
    return values;
  }

  /** Copies the values out at once. @throws DeviceError where the device has no synchronous read. */
  dataSync(): Float32Array {
    const { device, storage } = this.#live();
    noteStep(device, 'read', Tensor.count(device));
    for (const { invalid, error } of this.#lateChecks) if (invalid.dataSync()[0] !== 0) throw error;
    return device.readSync(storage);
  }

  /** The value of a tensor that holds just one. @throws ShapeError for any other. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(`item: wants a tensor of one value, got shape ${formatShape(this.shape)}`);
    }
    return (await this.data())[0];
  }

  /** Lets the values be read only if `invalid`, one number on the same device, is 0: else that throws. @internal */
  checkOnRead(invalid: Tensor, error: Error): void {
    this.#lateChecks.push({ invalid: invalid.keep(), error });
  }

  /** Takes the tensor out of the scope that it was made in. */
  keep(): this {
    this.#scope?.delete(this);
    this.#scope = null;
    return this;
  }

  /** Gives the storage back, once no other handle and no recorded op needs it. Doing so twice is harmless. */
  dispose(): void {
    if (!this.#counted) return;
    this.keep();
    lost.unregister(this);
    this.#counted.release();
    this.#counted = null;
    this.#dropCached();
    for (const { invalid } of this.#lateChecks.splice(0)) invalid.dispose();
    this.node?.release();
    this.node = null;
    this.grad?.dispose();
    this.grad = null;
  }

  /** `dispose()`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Values, shape and device as PyTorch prints them; of more than 1000 values the first and last of each axis. */
  toString(): string {
    return printTensor(this);
  }

  /** What `console.log` shows, in Node, Bun and Deno. @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return printTensor(this);
  }

  /** How many storages of a device are alive. @internal */
  static count(device: Device): number {
    return RefCountedStorage.count(device);
  }

  /** @internal */
  static openScope(): Set<Tensor> {
    const scope = new Set<Tensor>();
    scopes.push(scope);
    return scope;
  }

  /** Ends a scope: `kept` move to the one around it, the rest is disposed. False if it was not the innermost. @internal */
  static closeScope(scope: Set<Tensor>, kept: Set<Tensor>): boolean {
    const innermost = scopes.at(-1) === scope;
    scopes.splice(scopes.indexOf(scope), 1);
    const outer = scopes.at(-1) ?? null;
    for (const tensor of scope) {
      if (kept.has(tensor)) {
        tensor.#scope = outer;
        outer?.add(tensor);
      } else {
        tensor.#scope = null;
        tensor.dispose();
      }
    }
    return innermost;
  }
}
