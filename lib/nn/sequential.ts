import { StateDictError } from '../errors.ts';
import { cat } from '../ops/cat.ts';
import { tidy } from '../tensor/scope.ts';
import { Tensor } from '../tensor/tensor.ts';
import { ReLU } from './activations.ts';
import { BatchNorm2d } from './batch-norm2d.ts';
import { Module } from './module.ts';
import { type FeatureMaps, MakesParts, TakesParts } from './parts.ts';

/**
 * Modules that run one after another, as torch.nn.Sequential: numbered from 0, or named.
 *
 *     new Sequential(new Linear(8, 4), new ReLU());
 *     new Sequential({ norm: new BatchNorm2d(8), relu: new ReLU() });
 */
export class Sequential extends Module {
  readonly #layers: Map<string, Module>;

  constructor(...layers: Module[] | [Record<string, Module>]) {
    super();
    const [first] = layers;
    const named = layers.length === 1 && !(first instanceof Module) ? first : Object.assign({}, layers);
    this.#layers = new Map(Object.entries(named as Record<string, Module>));
  }

  protected override members(): Iterable<[string, Module]> {
    return this.#layers;
  }

  get length(): number {
    return this.#layers.size;
  }

  [Symbol.iterator](): IterableIterator<Module> {
    return this.#layers.values();
  }

  /** The layer of a name, or of a place counted from 0, or with -1 from the end. @throws StateDictError if there is none */
  get(place: string | number): Module {
    const layer = typeof place === 'number' ? [...this.#layers.values()].at(place) : this.#layers.get(place);
    if (!layer) {
      throw new StateDictError(
        `Sequential: no layer ${place}, there are ${[...this.#layers.keys()].join(', ')}`,
      );
    }
    return layer;
  }

  /** Puts a layer in the place of the one that has this name, or else at the end; returns this. */
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
 * Runs layers one after another; what one returns is released as soon as the next has used it. A batch norm and the
 * ReLU behind it run as one, and no concatenation is made for a layer that takes its parts, unless a hook wants it.
 */
export function chain(layers: readonly Module[], x: FeatureMaps): Tensor {
  const last = layers.at(-1);
  if (!last) return x instanceof Tensor ? x : cat(x, 1);
  const norm = layers.at(-2);
  const isPair =
    !last.isHooked &&
    last.constructor === ReLU &&
    norm instanceof BatchNorm2d &&
    !norm.isHooked &&
    norm.constructor === BatchNorm2d;
  return tidy(() =>
    isPair
      ? norm.forward(inputOf(norm, layers.slice(0, -2), x), { relu: true })
      : last.forward(inputOf(last, layers.slice(0, -1), x) as Tensor),
  );
}

/** What `layer` gets from the layers before it: one map, but for a layer that takes parts. */
function inputOf(layer: Module, before: readonly Module[], x: FeatureMaps): FeatureMaps {
  if (!(layer instanceof TakesParts)) return chain(before, x);
  const source = before.at(-1);
  if (!source) return x;
  return source instanceof MakesParts && !source.isHooked
    ? tidy(() => source.parts(chain(before.slice(0, -1), x)))
    : chain(before, x);
}
