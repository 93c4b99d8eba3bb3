import { checkOptionNames, listOf } from '../arguments.ts';
import { quote, ShapeError, StateDictError } from '../errors.ts';
import { copyOf, sharedDevice } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

/** What every optimiser's parameter groups have. */
export interface GroupOptions {
  /** The learning rate, 0 or more. */
  lr: number;
}

/** Parameters that are trained with the same options. Options may be changed between steps. */
export type ParamGroup<Options = GroupOptions> = Options & {
  /** The parameters of the group. */
  params: readonly Tensor[];
  /** The learning rate that a schedule starts from, once there is one. */
  initialLr?: number;
};

/** Parameters, or groups of them with options that differ from the optimiser's. */
export type Params<Options> = Iterable<Tensor> | Iterable<ParamGroupOptions<Options>>;

/** A group as an optimiser's constructor takes it: its parameters, and the options in which it differs. */
export type ParamGroupOptions<Options> = Partial<Options> & {
  /** The parameters of the group. */
  params: Iterable<Tensor>;
};

/** The options of a group, and the numbers of its parameters. */
export type GroupState<Options> = Options & {
  /** Counted from 0 through all groups. */
  readonly params: readonly number[];
  /** The learning rate that a schedule started from. */
  readonly initialLr?: number;
};

/** Everything an optimiser needs to go on. Parameters are numbered in the order of the groups. */
export interface OptimizerState<Options> {
  /** The options, with the numbers of the parameters; plain JSON. */
  readonly groups: readonly GroupState<Options>[];
  /** Steps taken so far, by parameter. */
  readonly steps: readonly number[];
  /** The live tensors (no copies), as `0.momentum_buffer`. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** What an optimiser remembers of one parameter. */
export interface ParamState {
  /** Steps taken so far. */
  steps: number;
  /** Tensors of the parameter's shape, by PyTorch's names: `momentum_buffer`, `exp_avg`, `exp_avg_sq`. */
  readonly tensors: Map<string, Tensor>;
}

/** What an optimiser is made for, in the words of its errors. */
const WANTED = 'parameters, as model.parameters() gives';

/** The base of all optimisers, as torch.optim.Optimizer. */
export abstract class Optimizer<Options extends GroupOptions = GroupOptions> {
  /** The parameters with their options, which may be changed between steps. */
  readonly groups: ParamGroup<Options>[];
  readonly #state = new Map<Tensor, ParamState>();

  /**
   * @throws ShapeError where no parameter is given, or one twice
   * @throws ArgumentError for an option of a group that there is not
   */
  constructor(params: Params<Options>, defaults: Options) {
    const items = listOf<Tensor | ParamGroupOptions<Options>>('optimizer', WANTED, params);
    const groups = items.every((item) => item instanceof Tensor)
      ? [{ params: items }]
      : items.map((item) => {
          if (item instanceof Tensor) throw new ShapeError('optimizer: wants parameters or groups, got both');
          return item;
        });
    const known = [...Object.keys(defaults), 'params', 'initialLr'];
    this.groups = groups.map((group) => {
      checkOptionNames('optimizer: a group', group, known);
      return { ...defaults, ...group, params: listOf('optimizer: a group', WANTED, group.params) };
    });
    const all = this.#params();
    if (all.length === 0) throw new ShapeError('optimizer: got no parameters');
    if (new Set(all).size < all.length) throw new ShapeError('optimizer: a parameter is in the groups twice');
    for (const group of this.groups) this.check(group);
  }

  #params(): Tensor[] {
    return this.groups.flatMap((group) => group.params);
  }

  /** @throws ShapeError for options out of range */
  protected check({ lr }: ParamGroup<Options>): void {
    if (!(lr >= 0)) throw new ShapeError(`optimizer: lr must be 0 or more, got ${lr}`);
  }

  /** The names of the tensors that a parameter of this group has once it was moved. */
  protected abstract buffersOf(group: ParamGroup<Options>): readonly string[];

  /** One step of one parameter. */
  protected abstract update(param: Tensor, grad: Tensor, state: ParamState, group: ParamGroup<Options>): void;

  /**
   * Moves every parameter that has a gradient; the others keep their values and state.
   * @throws DeviceError where a parameter was moved to another device than its gradient and state
   */
  step(): void {
    for (const group of this.groups) {
      for (const param of group.params) {
        if (!param.grad) continue;
        const state = this.#state.get(param) ?? { steps: 0, tensors: new Map() };
        this.#state.set(param, state);
        sharedDevice('optimizer', param, param.grad, ...state.tensors.values());
        state.steps++;
        this.update(param, param.grad, state, group);
      }
    }
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): void {
    for (const param of this.#params()) {
      param.grad?.dispose();
      param.grad = null;
    }
  }

  /** Options, step counts and live tensors (no copies). */
  stateDict(): OptimizerState<Options> {
    let count = 0;
    const groups = this.groups.map((group) => ({ ...group, params: group.params.map(() => count++) }));
    const params = this.#params();
    const tensors = new Map<string, Tensor>();
    params.forEach((param, i) => {
      for (const [name, tensor] of this.#state.get(param)?.tensors ?? []) tensors.set(`${i}.${name}`, tensor);
    });
    return { groups, steps: params.map((param) => this.#state.get(param)?.steps ?? 0), tensors };
  }

  /** @throws StateDictError for a state that `loadStateDict` would not take @internal */
  checkStateDict({ groups, steps, tensors }: OptimizerState<Options>): void {
    const sizes = (of: readonly { params: readonly unknown[] }[]) => of.map(({ params }) => params.length);
    if (!sameShape(sizes(groups), sizes(this.groups))) {
      throw new StateDictError(
        `optimizer: the state has groups of ${quote(sizes(groups))} parameters, this has ${quote(sizes(this.groups))}`,
      );
    }
    const faults = groups.flatMap((group, i) => this.#optionFault(group, i) ?? []);
    const params = this.#params();
    if (steps.length !== params.length) faults.push(`${steps.length} step counts, wants ${params.length}`);
    if (faults.length === 0) faults.push(...this.#bufferFaults({ groups, steps, tensors }));
    if (faults.length > 0)
      throw new StateDictError(`optimizer: the state does not fit:\n  ${faults.join('\n  ')}`);
  }

  /** What is wrong with the options of group `i`, or null. */
  #optionFault(given: Options & { readonly params: unknown }, i: number): string | null {
    const { params, initialLr, ...own } = this.groups[i];
    const values = new Map(Object.entries(given));
    const missing = Object.keys(own).filter((name) => !values.has(name));
    if (missing.length > 0) return `group ${i} lacks ${missing.join(', ')}`;
    for (const [name, value] of Object.entries(own)) {
      if (kindOf(values.get(name)) === kindOf(value)) continue;
      return `group ${i} has ${name} ${quote(values.get(name))}, wants the like of ${quote(value)}`;
    }
    try {
      this.check({ ...given, params });
    } catch (error) {
      if (error instanceof ShapeError) return `group ${i}: ${error.message}`;
      throw error;
    }
    return null;
  }

  /** Which tensors are missing, or of another shape than their parameter. */
  #bufferFaults({ groups, steps, tensors }: OptimizerState<Options>): string[] {
    const params = this.#params();
    const faults: string[] = [];
    for (const [key, { shape }] of tensors) {
      const { index } = entryOf(key);
      const param = steps[index] > 0 ? params[index] : null;
      if (param && sameShape(shape, param.shape)) continue;
      faults.push(`${quote(key)} is ${quote(shape)}, wants ${param ? formatShape(param.shape) : 'none'}`);
    }
    const names = this.groups.flatMap(({ params }, i) =>
      params.map(() => this.buffersOf({ ...groups[i], params })),
    );
    const missing = names
      .flatMap((own, i) => (steps[i] > 0 ? own.map((name) => `${i}.${name}`) : []))
      .filter((key) => !tensors.has(key));
    if (missing.length > 0) faults.push(`it lacks ${missing.join(', ')}`);
    return faults;
  }

  /**
   * Takes options and state over from an optimiser of the same kind, groups and shapes; tensors are copied. Options that
   * this one has not are passed over.
   * @throws StateDictError where they do not fit; nothing is changed then
   * @throws DeviceError for tensors on another device that has no synchronous read; nothing is changed then
   */
  loadStateDict(state: OptimizerState<Options>): void {
    this.checkStateDict(state);
    const { groups, steps, tensors } = state;
    const params = this.#params();
    const fresh = params.map((_, i): ParamState => ({ steps: steps[i], tensors: new Map() }));
    const copies = tidy(() =>
      [...tensors].map(([key, tensor]) => {
        const { index, name } = entryOf(key);
        return { index, name, tensor: copyOf(tensor, params[index].device) };
      }),
    );
    for (const { index, name, tensor } of copies) fresh[index].tensors.set(name, tensor.keep());
    this.dispose();
    params.forEach((param, i) => {
      if (steps[i] > 0) this.#state.set(param, fresh[i]);
    });
    groups.forEach((group, i) => {
      const { params, ...own } = this.groups[i];
      const known = Object.entries(group).filter(
        ([name]) => Object.hasOwn(own, name) || name === 'initialLr',
      );
      Object.assign(this.groups[i], Object.fromEntries(known), { params });
    });
  }

  /** Gives the storage of the optimiser's own tensors back; the parameters stay. */
  dispose(): void {
    for (const { tensors } of this.#state.values()) for (const tensor of tensors.values()) tensor.dispose();
    this.#state.clear();
  }
}

/** The parts of a key such as `0.momentum_buffer`; index -1 where it is no such key. */
function entryOf(key: string): { index: number; name: string } {
  const [, index = '-1', name = ''] = /^(0|[1-9]\d*)\.(.+)$/s.exec(key) ?? [];
  return { index: Number(index), name };
}

/** What an option is: its type, and of a list its length. */
const kindOf = (value: unknown): string =>
  Array.isArray(value) ? `list of ${value.map(kindOf).join()}` : typeof value;
