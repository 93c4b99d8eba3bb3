import { resolveOptions } from '../arguments.ts';
import type { Device } from '../devices/device.ts';
import { FusedError } from '../errors.ts';
import { checkDevice } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { Tensor } from '../tensor/tensor.ts';
import { Callable } from './callable.ts';
import { printModule } from './print-module.ts';
import { copyStateDict, type LoadReport } from './state-dict.ts';

/** A tensor that an optimiser trains. It lives until its module is disposed, whatever scope it was made in. */
export class Parameter extends Tensor {
  /** Takes the values of `source` over; `source` itself is disposed. */
  constructor(source: Tensor) {
    super(source, source.shape, true);
    source.dispose();
    this.keep();
  }
}

/** A tensor that belongs to a module's state without being trained, as batch norm's running statistics. */
export class Buffer extends Tensor {
  /** Takes the values of `source` over; `source` itself is disposed. */
  constructor(source: Tensor) {
    super(source, source.shape);
    source.dispose();
    this.keep();
  }
}

/** A module whatever its inputs and outputs are. */
export type AnyModule = Module<never[], unknown>;

/** Gets a module, its inputs and its output; what it returns, unless undefined, takes the output's place. */
export type ForwardHook = (module: AnyModule, inputs: readonly unknown[], output: unknown) => unknown;

/** What `registerForwardHook` returns. */
export interface HookHandle {
  /** Ends the hook. */
  remove(): void;
}

/** `runningMean` is `running_mean` in a state dict, as PyTorch spells it. */
const stateKey = (property: string): string => property.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

const join = (prefix: string, name: string): string => (prefix ? `${prefix}.${name}` : name);

/**
 * The base of every layer and network, as torch.nn.Module.
 *
 * A subclass assigns `Parameter`s, `Buffer`s, modules and arrays of modules to its properties and implements
 * `forward`; all of them are found there, in the order of the properties. State-dict keys are the property names in
 * snake case, joined by dots. `model(x)` is `model.forward(x)`.
 *
 * `forward` runs in a scope of its own: tensors made inside are released on return, but those that it returns, those
 * given to `keep()`, and what backward needs. Running statistics are therefore written with `assign`. It must be
 * a method: a `forward` that is an arrow function in a field runs without that scope.
 */
export abstract class Module<Inputs extends unknown[] = [x: Tensor], Output = Tensor> extends Callable<
  Inputs,
  Output
> {
  /** Whether dropout drops and batch norm uses the batch's own statistics. */
  training = true;
  /** Whether `fuse` has made it one for inference only. @internal */
  isFused = false;
  readonly #hooks = new Set<ForwardHook>();

  constructor() {
    super();
    const forward = this.forward;
    Object.defineProperty(this, 'forward', {
      value: (...inputs: Inputs) =>
        tidy(() => {
          let output = forward.apply(this, inputs);
          for (const hook of this.#hooks) output = (hook(this, inputs, output) as Output) ?? output;
          return output;
        }),
      writable: true,
      configurable: true,
    });
  }

  /** The output for an input; the description of each class tells their shapes. */
  abstract forward(...inputs: Inputs): Output;

  /** What the state may be made of, under its state-dict keys. Containers and networks with other keys override it. */
  protected *members(): Iterable<[key: string, member: unknown]> {
    for (const [property, value] of Object.entries(this)) {
      const key = stateKey(property);
      if (Array.isArray(value)) {
        for (const [index, item] of value.entries()) yield [join(key, String(index)), item];
      } else yield [key, value];
    }
  }

  /**
   * Calls `hook` after each forward pass of this module, as torch.nn.Module's `register_forward_hook`. Neighbours that
   * are computed in one pass with this module otherwise are then computed on their own.
   * @returns a handle whose `remove` ends it
   */
  registerForwardHook(hook: ForwardHook): HookHandle {
    this.#hooks.add(hook);
    return { remove: () => void this.#hooks.delete(hook) };
  }

  /** Whether a hook wants this module's own output. @internal */
  get isHooked(): boolean {
    return this.#hooks.size > 0;
  }

  /** Modules of this one of which each has its output used by the next and by nothing else: `fuse` joins neighbours. */
  chains(): readonly (readonly AnyModule[])[] {
    return [];
  }

  /** The modules that this one holds directly, by name. */
  namedChildren(): Map<string, AnyModule> {
    const children = new Map<string, AnyModule>();
    for (const [key, member] of this.members()) if (member instanceof Module) children.set(key, member);
    return children;
  }

  /** The modules that this one holds directly. */
  children(): AnyModule[] {
    return [...this.namedChildren().values()];
  }

  /** This module and all below it, each before its children; one that is shared comes once per place. */
  *#walk(prefix = ''): Iterable<[string, AnyModule]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.#walk(join(prefix, name));
  }

  /** Tensors of a kind in this module and all below it, a shared one under each of its names. */
  *#tensors(...kinds: readonly (typeof Parameter | typeof Buffer)[]): Iterable<[string, Tensor]> {
    for (const [prefix, module] of this.#walk()) {
      for (const kind of kinds) {
        for (const [key, member] of module.members()) {
          if (member instanceof kind) yield [join(prefix, key), member];
        }
      }
    }
  }

  /** Every module, itself under '' included, by its dotted name; a shared one comes under its first name. */
  namedModules(): Map<string, AnyModule> {
    return firstNames(this.#walk());
  }

  /** Every parameter by its dotted name; a shared one comes under its first name. */
  namedParameters(): Map<string, Tensor> {
    return firstNames(this.#tensors(Parameter));
  }

  /** Every parameter, each once, as an optimiser takes them. */
  parameters(): Tensor[] {
    return [...this.namedParameters().values()];
  }

  /** Every buffer by its dotted name; a shared one comes under its first name. */
  namedBuffers(): Map<string, Tensor> {
    return firstNames(this.#tensors(Buffer));
  }

  /** Calls `fn` with each module, children first. */
  override apply(fn: (module: AnyModule) => void): this {
    for (const module of [...this.namedModules().values()].reverse()) fn(module);
    return this;
  }

  /** Sets training mode here and in every module below. @throws FusedError where one of them is fused */
  train(training = true): this {
    const modules = [...this.namedModules().values()];
    if (training && modules.some(({ isFused }) => isFused)) {
      throw new FusedError(
        'train: the model was fused for inference; train one that is not, and fuse it afterwards',
      );
    }
    for (const module of modules) module.training = training;
    return this;
  }

  /** Sets evaluation mode: `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** Makes every parameter one that gets a gradient, or none that does. */
  setRequiresGrad(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.setRequiresGrad(requiresGrad);
    return this;
  }

  /** Takes every parameter out of training: `setRequiresGrad(false)`. */
  freeze(): this {
    return this.setRequiresGrad(false);
  }

  /**
   * Moves every parameter and buffer to another device; returns this. Call it before an optimiser is made.
   * @throws DeviceError where the device that they are on has no synchronous read
   */
  to(device: Device): this {
    checkDevice('to', device);
    for (const tensor of this.stateDict().values()) tensor.move(device);
    return this;
  }

  /** Drops the gradients of every parameter. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** The live parameters and buffers (no copies) by name; the keys are those of the same network in torchvision. */
  stateDict(): Map<string, Tensor> {
    return new Map(this.#tensors(Parameter, Buffer));
  }

  /**
   * Copies values in from tensors by name; the given tensors stay as they are. `num_batches_tracked` may be missing.
   * @param options.strict (default true) makes missing and unexpected names an error
   * @returns the names that were missing and unexpected
   * @throws StateDictError listing every name at fault, with both shapes where they differ; nothing is changed then
   * @throws DeviceError for values on another device that has no synchronous read; nothing is changed then
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>, options: { strict?: boolean } = {}): LoadReport {
    const { strict } = resolveOptions('loadStateDict', options, { strict: true });
    return copyStateDict(this.stateDict(), state, strict);
  }

  /** Gives the storage of every parameter and buffer back; the module can no longer be used. */
  dispose(): void {
    for (const tensor of this.stateDict().values()) tensor.dispose();
  }

  /** What errors call a module: to JavaScript it is a function. */
  get [Symbol.toStringTag](): string {
    return 'Module';
  }

  /** The class and its settings, and the modules below, as PyTorch prints them. */
  override toString(): string {
    return printModule(this);
  }

  /** What `console.log` shows, in Node, Bun and Deno. @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return printModule(this);
  }

  /** `dispose()`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function firstNames<T>(entries: Iterable<[string, T]>): Map<string, T> {
  const names = new Map<T, string>();
  for (const [name, value] of entries) if (!names.has(value)) names.set(value, name);
  return new Map([...names].map(([value, name]) => [name, value]));
}
