import { ArgumentError, quote, StateDictError } from '../errors.ts';
import { cat } from '../ops/cat.ts';
import { applyEpilogue, type Epilogue } from '../ops/epilogue.ts';
import { tidy } from '../tensor/scope.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ReLU } from './activations.ts';
import { BatchNorm2d } from './batch-norm2d.ts';
import { Conv2d } from './conv2d.ts';
import { AcceptsFeatureList, type FeatureMaps, ProducesFeatureList } from './feature-list.ts';
import { Module } from './module.ts';

/**
 * Modules that run one after another, as torch.nn.Sequential: numbered from 0, or named.
 *
 *     new Sequential(new Linear(8, 4), new ReLU());
 *     new Sequential({ norm: new BatchNorm2d(8), relu: new ReLU() });
 *
 * @throws ArgumentError for a layer that is no module
 */
export class Sequential extends Module {
  readonly #layers: Map<string, Module>;

  constructor(...layers: Module[] | [Record<string, Module>]) {
    super();
    const [first] = layers;
    const named =
      layers.length === 1 && typeof first === 'object' && first !== null ? first : Object.assign({}, layers);
    this.#layers = new Map(Object.entries(named as Record<string, Module>));
    for (const [name, layer] of this.#layers) {
      if (layer instanceof Module) continue;
      throw new ArgumentError(`Sequential: layer ${name} wants a module, got ${quote(layer)}`);
    }
  }

  protected override members(): Iterable<[string, Module]> {
    return this.#layers;
  }

  /** The number of layers. */
  override get length(): number {
    return this.#layers.size;
  }

  /** The layers in their order. */
  [Symbol.iterator](): IterableIterator<Module> {
    return this.#layers.values();
  }

  /** The layer of a name, or of an index, which may count from the end. @throws StateDictError if there is none */
  get(key: string | number): Module {
    const layer = typeof key === 'number' ? [...this.#layers.values()].at(key) : this.#layers.get(key);
    if (!layer) {
      throw new StateDictError(
        `Sequential: no layer ${key}, there are ${[...this.#layers.keys()].join(', ')}`,
      );
    }
    return layer;
  }

  /** Replaces the layer that has this name, or appends one where none has; returns this. */
  set(name: string, layer: Module): this {
    this.#layers.set(name, layer);
    return this;
  }

  override chains(): readonly (readonly Module[])[] {
    return [[...this]];
  }

  forward(x: Tensor): Tensor {
    return chain([...this], x);
  }
}

/**
 * Runs layers one after another, and then the epilogue; what one returns is released as soon as the next has used it.
 * A ReLU and a residual run in one pass with the convolution or batch norm before them, and a layer that accepts a list
 * of feature maps gets them without a concatenation, unless a hook wants what lies between.
 */
export function chain(layers: readonly Module[], x: FeatureMaps, epilogue: Epilogue = {}): Tensor {
  const last = layers.at(-1);
  const before = layers.slice(0, -1);
  if (!last) return applyEpilogue(x instanceof Tensor ? x : cat(x, 1), epilogue);
  if (isPlain(last, ReLU) && !epilogue.residual) return chain(before, x, { relu: true });
  if (isPlain(last, BatchNorm2d) && last.isFolded) return chain(before, x, epilogue);
  return tidy(() => {
    if (isPlain(last, BatchNorm2d)) return last.forward(inputOf(last, before, x), epilogue);
    if (isPlain(last, Conv2d)) return last.forward(chain(before, x), epilogue);
    return applyEpilogue(last.forward(inputOf(last, before, x) as Tensor), epilogue);
  });
}

/** Whether a layer is of just this class, and may run as one with its neighbours. */
const isPlain = <M extends Module>(layer: Module, kind: { readonly prototype: M }): layer is M =>
  layer.constructor === kind && !layer.isHooked;

/** What `layer` gets from the layers before it: a list of maps if it accepts one, else a single map. */
function inputOf(layer: Module, before: readonly Module[], x: FeatureMaps): FeatureMaps {
  if (!(layer instanceof AcceptsFeatureList)) return chain(before, x);
  const source = before.at(-1);
  if (!source) return x;
  return source instanceof ProducesFeatureList && !source.isHooked
    ? tidy(() => source.featureList(chain(before.slice(0, -1), x)))
    : chain(before, x);
}
