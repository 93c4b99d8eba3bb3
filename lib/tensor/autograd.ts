import { resolveOptions } from '../arguments.ts';
import { AutogradError, ShapeError } from '../errors.ts';
import { noteStep } from './growth.ts';
import type { OpName } from './op-names.ts';
import { copyOf, sharedDevice } from './placement.ts';
import { tidy } from './scope.ts';
import { formatShape, sameShape } from './shape.ts';
import { type TapeNode, Tensor } from './tensor.ts';

type Saved = readonly (Tensor | null)[];

export interface RecordedOp<S extends Saved = Saved> {
  readonly name: OpName;
  /** null for an optional input that was left out. */
  readonly inputs: readonly (Tensor | null)[];
  /** What else made the output, for exporters: a geometry, an axis, a number. */
  readonly attributes?: object;
  /** What backward needs, kept alive by the tape until it has run; null where no gradient that is wanted needs it. */
  readonly saved?: S;
  /**
   * Gradients of the inputs, in their order, from the gradient of the output; null where there is none. `wanted` tells
   * which of them anybody asks for. Runs without recording; what it makes but does not return is freed. It returns new
   * tensors or dy, never what was saved, and must not refer to the op's own tensors but through `saved`, or it would
   * hold them in memory.
   */
  backward(dy: Tensor, saved: S, wanted: readonly boolean[]): readonly (Tensor | null)[];
  /**
   * Recomputes the output from `saved`, for an op that is cheap beside the memory its output takes: the output is then
   * not saved for the backward of later ops, but recomputed.
   */
  recompute?(saved: S): Tensor;
}

/** The modes that calls of noGrad and enableGrad have set, the innermost last. */
const modes: boolean[] = [];
let sequence = 0;

/** Whether ops are recorded for a gradient. */
export const isGradEnabled = (): boolean => modes.at(-1) ?? true;

/**
 * Runs `fn` without recording: nothing made inside has a gradient.
 * @throws AutogradError for an `fn` that returns a promise: whatever else runs until it settles would lose its gradients
 */
export function noGrad<T>(fn: () => T): T {
  return withGradMode('noGrad', false, fn);
}

/**
 * Runs `fn` with recording on, inside a `noGrad`.
 * @throws AutogradError for an `fn` that returns a promise
 */
export function enableGrad<T>(fn: () => T): T {
  return withGradMode('enableGrad', true, fn);
}

function withGradMode<T>(name: string, enabled: boolean, fn: () => T): T {
  modes.push(enabled);
  let result: T;
  try {
    result = fn();
  } finally {
    modes.pop();
  }
  if (result instanceof Promise) {
    result.catch(() => {}); // nobody will get it
    throw new AutogradError(
      `${name}: its function returned a promise, and the mode ends before that settles; put ${name} around what runs at once, such as ${name}(() => model.forward(x))`,
    );
  }
  return result;
}

let tracer: ((op: RecordedOp, output: Tensor) => void) | null = null;

/** Runs `fn` and calls `onOp` with every op of it, as it is made, whether or not it is recorded for a gradient. */
export function traceOps<T>(onOp: (op: RecordedOp, output: Tensor) => void, fn: () => T): T {
  const before = tracer;
  tracer = onOp;
  try {
    return fn();
  } finally {
    tracer = before;
  }
}

/** A tensor that backward needs: its values, or the op that recomputes them. */
type SavedTensor = { readonly tensor: Tensor; readonly version: number } | { readonly source: GradNode };

function saveTensor(tensor: Tensor): SavedTensor {
  const node = nodeOf(tensor);
  if (!node?.recompute || node.isReleased) return { tensor: tensor.detach().keep(), version: tensor.version };
  node.retain();
  return { source: node };
}

/** One recorded op. It lives while its output, or a later op, can still be asked for a gradient. */
export class GradNode implements TapeNode {
  readonly name: string;
  /** Where each input's gradient goes: to the op that made it, to a leaf, or nowhere. */
  readonly edges: (GradNode | Tensor | null)[];
  readonly backward: RecordedOp['backward'];
  readonly recompute: RecordedOp['recompute'];
  readonly sequence = sequence++;
  readonly #saved: (SavedTensor | null)[];
  #users = 1;
  #released = false;

  constructor({ name, inputs, saved = [], backward, recompute }: RecordedOp) {
    this.name = name;
    this.backward = backward;
    this.recompute = recompute;
    this.edges = inputs.map((input) => (input?.requiresGrad ? (nodeOf(input) ?? input) : null));
    for (const edge of this.edges) if (edge instanceof GradNode) edge.#users++;
    this.#saved = saved.map((tensor) => tensor && saveTensor(tensor));
  }

  get isReleased(): boolean {
    return this.#released;
  }

  /** The saved tensors; those recomputed are new. @throws AutogradError if the graph was freed, or one was overwritten since. */
  saved(): (Tensor | null)[] {
    if (this.#released) {
      throw new AutogradError(
        `backward: the graph below '${this.name}' was already freed by an earlier backward(); pass { retainGraph: true } to the first`,
      );
    }
    return this.#saved.map((saved) => {
      if (!saved) return null;
      if ('source' in saved) return saved.source.recomputeOutput();
      const { tensor, version } = saved;
      if (tensor.version !== version) {
        throw new AutogradError(
          `backward: a tensor of shape ${formatShape(tensor.shape)} that '${this.name}' needs was overwritten after the forward pass`,
        );
      }
      return tensor;
    });
  }

  /** The output, recomputed. */
  recomputeOutput(): Tensor {
    if (!this.recompute) throw new AutogradError(`backward: '${this.name}' cannot recompute its output`);
    return this.recompute(this.saved());
  }

  /** One user more. */
  retain(): void {
    this.#users++;
  }

  /** One user less; with none left the node gives up what it holds, and so do those only it used. */
  release(): void {
    const queue: GradNode[] = [this];
    for (let node = queue.pop(); node; node = queue.pop()) {
      if (--node.#users > 0) continue;
      queue.push(...node.#free());
    }
  }

  /** Frees the saved tensors after use. */
  releaseSaved(): void {
    for (const edge of this.#free()) edge.release();
  }

  /** Gives up saved tensors and edges; returns the nodes that lose a user by it. */
  #free(): GradNode[] {
    if (this.#released) return [];
    this.#released = true;
    const used: GradNode[] = [];
    for (const edge of this.edges.splice(0)) if (edge instanceof GradNode) used.push(edge);
    for (const saved of this.#saved.splice(0)) {
      if (saved && 'source' in saved) used.push(saved.source);
      else saved?.tensor.dispose();
    }
    return used;
  }
}

/** The recorded op that made a tensor, or null. */
const nodeOf = ({ node }: Tensor): GradNode | null => (node instanceof GradNode ? node : null);

/** Notes on the tape that `op` made `output`, if recording is on and an input wants a gradient; returns `output`. */
export function record<const S extends Saved>(output: Tensor, op: RecordedOp<S>): Tensor {
  tracer?.(op, output);
  if (!isGradEnabled() || !op.inputs.some((input) => input?.requiresGrad)) return output;
  output.requiresGrad = true;
  output.node = new GradNode(op);
  return output;
}

/** The options of `backward`. */
export interface BackwardOptions {
  /** Leaves the graph for another backward; default false. */
  retainGraph?: boolean;
}

/**
 * Accumulates d(root)/d(leaf) into `grad` of every leaf that wants it, and frees the graph on the way.
 * @param gradient the gradient of the root, of its shape; a root of one value may leave it out (1)
 * @throws AutogradError for a root without a graph, or one whose graph was freed
 * @throws ShapeError or DeviceError for a gradient of another shape, or on another device
 */
export function backward(
  root: Tensor,
  gradient?: Tensor | BackwardOptions | null,
  options: BackwardOptions = {},
): void {
  if (gradient && !(gradient instanceof Tensor)) {
    backward(root, null, gradient);
    return;
  }
  const { retainGraph } = resolveOptions('backward', options, { retainGraph: false });
  if (!root.requiresGrad) {
    throw new AutogradError('backward: the tensor does not depend on any tensor with requiresGrad');
  }
  if (!gradient && root.size !== 1) {
    throw new AutogradError(
      `backward: a tensor of shape ${formatShape(root.shape)} is no scalar loss; reduce it, or pass its gradient`,
    );
  }
  if (gradient && !sameShape(gradient.shape, root.shape)) {
    throw new ShapeError(
      `backward: the gradient has shape ${formatShape(gradient.shape)}, the tensor ${formatShape(root.shape)}`,
    );
  }
  if (gradient) sharedDevice('backward', root, gradient);
  noGrad(() => tidy(() => walk(root, gradient ?? null, retainGraph)));
  noteStep(root.device, 'backward', Tensor.count(root.device));
}

function walk(root: Tensor, gradient: Tensor | null, retainGraph: boolean): void {
  const { device } = root;
  const seed = gradient?.detach() ?? new Tensor({ device, storage: device.fill(1, 1) }, root.shape);
  const last = nodeOf(root);
  const nodes = last ? reachable(last) : [];
  const gradients = new Map<GradNode | Tensor, Tensor>([[last ?? root, seed]]);
  for (const node of nodes) node.retain();
  try {
    for (const node of nodes) propagate(node, gradients, retainGraph);
  } finally {
    for (const node of nodes) node.release();
  }
  for (const [leaf, gradient] of gradients) if (leaf instanceof Tensor) accumulate(leaf, gradient);
}

/** Hands a node's gradient on to its inputs. */
function propagate(node: GradNode, gradients: Map<GradNode | Tensor, Tensor>, retainGraph: boolean): void {
  const dy = gradients.get(node);
  gradients.delete(node);
  if (!dy) return;
  const wanted = node.edges.map((edge) => edge !== null);
  const inputGradients = tidy(() => node.backward(dy, node.saved(), wanted));
  node.edges.forEach((edge, i) => {
    const gradient = inputGradients[i];
    if (edge && gradient) gradients.set(edge, sum(gradients.get(edge), gradient));
  });
  for (const gradient of inputGradients) gradient?.dispose();
  dy.dispose();
  if (!retainGraph) node.releaseSaved();
}

/** All nodes below one, each after every node that uses it: an op is always younger than its inputs. */
function reachable(root: GradNode): GradNode[] {
  const found = new Set([root]);
  for (const node of found) {
    if (node.isReleased) node.saved();
    for (const edge of node.edges) if (edge instanceof GradNode) found.add(edge);
  }
  return [...found].sort((a, b) => b.sequence - a.sequence);
}

/** A new handle on `total + gradient`; `total` is given up. */
function sum(total: Tensor | undefined, gradient: Tensor): Tensor {
  if (!total) return gradient.detach();
  const { device } = gradient;
  const geometry = { shape: [gradient.size], strides: [[1], [1]] };
  const storage = device.binary('add', total.storage, gradient.storage, geometry);
  total.dispose();
  return new Tensor({ device, storage }, gradient.shape);
}

/** Adds to a leaf's gradient, whose storage is the leaf's alone; `gradient` is given up. */
function accumulate(leaf: Tensor, gradient: Tensor): void {
  if (leaf.isDisposed) return;
  sharedDevice('backward', gradient, leaf, leaf.grad);
  leaf.grad = (
    leaf.grad || !gradient.isShared ? sum(leaf.grad ?? undefined, gradient) : copyOf(gradient)
  ).keep();
  gradient.dispose();
}
