import { resolveOptions } from '../../arguments.ts';
import type {
  AdaptivePool2dGeometry,
  AvgPool2dGeometry,
  BatchNormGeometry,
  Conv2dGeometry,
  MaxPool2dGeometry,
  Pool2dGeometry,
} from '../../devices/device.ts';
import { GradiographError } from '../../errors.ts';
import type { AnyModule, Module } from '../../nn/module.ts';
import { noGrad, type RecordedOp, traceOps } from '../../tensor/autograd.ts';
import { zeros } from '../../tensor/create.ts';
import type { OpName } from '../../tensor/op-names.ts';
import { tidy } from '../../tensor/scope.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ProtoMessage } from '../protobuf.ts';

/** The options of `writeOnnx`. */
export interface WriteOnnxOptions {
  /** Multiplies every batch norm that follows a convolution into its weights; default false. */
  foldBatchNorm?: boolean;
}

/** The network uses something that has no form in ONNX here; the message names it. */
export class OnnxExportError extends GradiographError {
  override readonly name = 'OnnxExportError';
}

/**
 * A model as an ONNX file (opset 17, IR version 8) with input `input` and output `output`, both of any batch size.
 * The model is run once, in evaluation mode, on zeros, and the ops of that run are what is written.
 * @param inputShape of one run, such as `[1, 3, 224, 224]`
 * @throws OnnxExportError naming an op that cannot be expressed
 * @throws DeviceError on a device that has no synchronous read
 */
export function writeOnnx(model: Module, inputShape: Shape, options: WriteOnnxOptions = {}): Uint8Array {
  const { foldBatchNorm } = resolveOptions('writeOnnx', options, { foldBatchNorm: false });
  const graph = captureGraph(model, inputShape);
  if (foldBatchNorm) fold(graph);
  return serialize(graph);
}

/** A float32 or, for shapes, int64 constant of the graph. */
interface Initializer {
  readonly shape: Shape;
  readonly values: Float32Array | BigInt64Array;
}

type Attribute = number | readonly number[] | { readonly float: number };

interface OnnxNode {
  readonly op: string;
  /** '' for an optional input that is left out. */
  inputs: string[];
  output: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

interface OnnxGraph {
  readonly nodes: OnnxNode[];
  readonly initializers: Map<string, Initializer>;
  readonly inputShape: Shape;
  readonly outputShape: Shape;
}

/** What an op was recorded with, and a way to add constants for it. */
interface OpContext {
  readonly op: RecordedOp;
  readonly output: Tensor;
  readonly inputs: readonly string[];
  /** The name of a tensor, which becomes a constant of the graph if nothing in it made it. */
  readonly nameOf: (tensor: Tensor) => string;
  readonly constant: (initializer: Initializer) => string;
  /** Adds a node before the one that is returned; the name of its output. */
  readonly emit: (form: OnnxForm) => string;
}

type OnnxForm = Pick<OnnxNode, 'op' | 'inputs' | 'attributes'>;

const attributesOf = <T>({ op }: OpContext): T => {
  if (!op.attributes) throw new OnnxExportError(`writeOnnx: '${op.name}' was recorded without attributes`);
  return op.attributes as T;
};

const scalar = (value: number): Initializer => ({ shape: [], values: Float32Array.of(value) });
const int64s = (values: readonly number[]): Initializer => ({
  shape: [values.length],
  values: BigInt64Array.from(values, BigInt),
});

const simple =
  (op: string) =>
  ({ inputs }: OpContext): OnnxForm => ({ op, inputs: [...inputs], attributes: {} });

/** A two-operand op whose second operand may have been a number. */
const arithmetic =
  (op: string) =>
  (context: OpContext): OnnxForm => {
    const { inputs, constant } = context;
    const operands =
      inputs.length === 2
        ? [...inputs]
        : [inputs[0], constant(scalar(attributesOf<{ alpha: number }>(context).alpha))];
    return { op, inputs: operands, attributes: {} };
  };

const windowAttributes = (g: Pool2dGeometry | Conv2dGeometry): Record<string, readonly number[]> => ({
  kernel_shape: [g.kernelHeight, g.kernelWidth],
  strides: [g.strideHeight, g.strideWidth],
  pads: [g.paddingHeight, g.paddingWidth, g.paddingHeight, g.paddingWidth],
});

/** Whether the last windows reach past the padded input, along either axis. */
const usesCeilMode = (g: Pool2dGeometry, dilation: readonly [number, number] = [1, 1]): number => {
  const past = (size: number, out: number, kernel: number, stride: number, padding: number, gap: number) =>
    (out - 1) * stride + gap * (kernel - 1) + 1 > size + 2 * padding;
  const tall = past(g.inHeight, g.outHeight, g.kernelHeight, g.strideHeight, g.paddingHeight, dilation[0]);
  return tall || past(g.inWidth, g.outWidth, g.kernelWidth, g.strideWidth, g.paddingWidth, dilation[1])
    ? 1
    : 0;
};

/** A form, + residual and then max(., 0) if they are there. */
function ended({ emit }: OpContext, form: OnnxForm, residual: string, relu: boolean): OnnxForm {
  const sum = residual ? { op: 'Add', inputs: [emit(form), residual], attributes: {} } : form;
  return relu ? { op: 'Relu', inputs: [emit(sum)], attributes: {} } : sum;
}

type Form = (context: OpContext) => OnnxForm;

const FORMS: { readonly [Name in OpName]: Form | 'unsupported' } = {
  conv2d: (context) => {
    const g = attributesOf<Conv2dGeometry & { relu: boolean }>(context);
    const [x, weight, bias, residual] = context.inputs;
    const dilations = [g.dilationHeight, g.dilationWidth];
    const form = {
      op: 'Conv',
      inputs: [x, weight, bias].filter((name) => name !== ''),
      attributes: { ...windowAttributes(g), dilations, group: g.groups },
    };
    return ended(context, form, residual, g.relu);
  },
  batchNorm: (context) => {
    const { inputs, nameOf, constant, emit } = context;
    const { mean, variance, eps, relu } = attributesOf<
      BatchNormGeometry & { mean: Tensor; variance: Tensor }
    >(context);
    const filled = (value: number) =>
      constant({ shape: mean.shape, values: new Float32Array(mean.size).fill(value) });
    const parts = inputs.slice(0, -3);
    const [weight, bias, residual] = inputs.slice(-3);
    const x = parts.length === 1 ? parts[0] : emit({ op: 'Concat', inputs: parts, attributes: { axis: 1 } });
    const form = {
      op: 'BatchNormalization',
      inputs: [x, weight || filled(1), bias || filled(0), nameOf(mean), nameOf(variance)],
      attributes: { epsilon: { float: eps } },
    };
    return ended(context, form, residual, relu);
  },
  maxPool2d: (context) => {
    const g = attributesOf<MaxPool2dGeometry>(context);
    const dilations = [g.dilationHeight, g.dilationWidth] as const;
    return {
      op: 'MaxPool',
      inputs: [...context.inputs],
      attributes: { ...windowAttributes(g), dilations, ceil_mode: usesCeilMode(g, dilations) },
    };
  },
  avgPool2d: (context) => {
    const g = attributesOf<AvgPool2dGeometry>(context);
    if (g.divisorOverride !== 0) {
      throw new OnnxExportError("writeOnnx: 'avgPool2d' with divisorOverride has no form in ONNX");
    }
    const count_include_pad = g.countIncludePad ? 1 : 0;
    return {
      op: 'AveragePool',
      inputs: [...context.inputs],
      attributes: { ...windowAttributes(g), count_include_pad, ceil_mode: usesCeilMode(g) },
    };
  },
  adaptiveAvgPool2d: (context) => {
    const g = attributesOf<AdaptivePool2dGeometry>(context);
    if (g.outHeight === 1 && g.outWidth === 1) return simple('GlobalAveragePool')(context);
    if (g.inHeight % g.outHeight !== 0 || g.inWidth % g.outWidth !== 0) {
      throw new OnnxExportError(
        `writeOnnx: 'adaptiveAvgPool2d' from ${g.inHeight}x${g.inWidth} to ${g.outHeight}x${g.outWidth} has windows of several sizes, which ONNX cannot express`,
      );
    }
    const size = [g.inHeight / g.outHeight, g.inWidth / g.outWidth];
    return {
      op: 'AveragePool',
      inputs: [...context.inputs],
      attributes: { kernel_shape: size, strides: size },
    };
  },
  linear: ({ inputs, op }) => {
    if (op.inputs[0]?.rank !== 2) {
      throw new OnnxExportError(`writeOnnx: 'linear' wants an input of rank 2, got ${op.inputs[0]?.rank}`);
    }
    return { op: 'Gemm', inputs: inputs.filter((name) => name !== ''), attributes: { transB: 1 } };
  },
  reshape: ({ op, output, inputs, constant }) => {
    // A first size that stays is the batch, whatever it will be: 0 keeps it.
    const keepsBatch = output.rank > 0 && op.inputs[0]?.shape[0] === output.shape[0];
    const shape = keepsBatch ? [0, ...output.shape.slice(1)] : output.shape;
    return { op: 'Reshape', inputs: [inputs[0], constant(int64s(shape))], attributes: {} };
  },
  cat: (context) => ({
    op: 'Concat',
    inputs: [...context.inputs],
    attributes: { axis: attributesOf<{ axis: number }>(context).axis },
  }),
  softmax: (context) => ({
    op: 'Softmax',
    inputs: [...context.inputs],
    attributes: { axis: attributesOf<{ axis: number }>(context).axis },
  }),
  leakyRelu: (context) => ({
    op: 'LeakyRelu',
    inputs: [...context.inputs],
    attributes: { alpha: { float: attributesOf<{ alpha: number }>(context).alpha } },
  }),
  add: arithmetic('Add'),
  sub: arithmetic('Sub'),
  mul: arithmetic('Mul'),
  div: arithmetic('Div'),
  relu: simple('Relu'),
  sigmoid: simple('Sigmoid'),
  tanh: simple('Tanh'),
  softplus: simple('Softplus'),
  exp: simple('Exp'),
  log: simple('Log'),
  sqrt: simple('Sqrt'),
  abs: simple('Abs'),
  reciprocal: 'unsupported',
  sign: 'unsupported',
  pow: 'unsupported',
  powScalar: 'unsupported',
  maximum: 'unsupported',
  minimum: 'unsupported',
  maxScalar: 'unsupported',
  minScalar: 'unsupported',
  where: 'unsupported',
  to: 'unsupported',
  sum: 'unsupported',
  max: 'unsupported',
  min: 'unsupported',
  variance: 'unsupported',
  permute: 'unsupported',
  expand: 'unsupported',
  pad: 'unsupported',
  slice: 'unsupported',
  matmul: 'unsupported',
  logSoftmax: 'unsupported',
  binaryCrossEntropy: 'unsupported',
  binaryCrossEntropyWithLogits: 'unsupported',
};

function captureGraph(model: Module, inputShape: Shape): OnnxGraph {
  const parameters = new Map<Tensor, string>([...model.stateDict()].map(([name, tensor]) => [tensor, name]));
  const names = new Map<Tensor, string>();
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, Initializer>();
  const constant = (initializer: Initializer): string => {
    const name = `constant_${initializers.size}`;
    initializers.set(name, initializer);
    return name;
  };
  const nameOf = (tensor: Tensor): string => {
    const known = names.get(tensor);
    if (known !== undefined) return known;
    const values = tensor.dataSync();
    const name = parameters.get(tensor) ?? constant({ shape: tensor.shape, values });
    initializers.set(name, { shape: tensor.shape, values });
    names.set(tensor, name);
    return name;
  };

  const onOp = (op: RecordedOp, output: Tensor): void => {
    const form = FORMS[op.name];
    if (form === 'unsupported') throw new OnnxExportError(`writeOnnx: '${op.name}' has no form in ONNX here`);
    const inputs = op.inputs.map((input) => (input ? nameOf(input) : ''));
    const emit = (node: OnnxForm): string => {
      const name = `${op.name}_${nodes.length}`;
      nodes.push({ ...node, output: name });
      return name;
    };
    names.set(output, emit(form({ op, output, inputs, nameOf, constant, emit })));
  };

  const modes = new Map<AnyModule, boolean>([...model.namedModules().values()].map((m) => [m, m.training]));
  model.eval();
  try {
    return noGrad(() =>
      tidy(() => {
        const input = zeros(inputShape);
        names.set(input, 'input');
        const output = traceOps(onOp, () => model.forward(input));
        const last = nodes.find((node) => node.output === names.get(output));
        if (!last)
          throw new OnnxExportError('writeOnnx: forward returns its input, or a tensor that no op made');
        rename(nodes, last.output, 'output');
        return { nodes, initializers, inputShape, outputShape: output.shape };
      }),
    );
  } finally {
    for (const [module, training] of modes) module.training = training;
  }
}

function rename(nodes: readonly OnnxNode[], from: string, to: string): void {
  for (const node of nodes) {
    if (node.output === from) node.output = to;
    node.inputs = node.inputs.map((name) => (name === from ? to : name));
  }
}

/**
 * Conv then BatchNormalization is one convolution: with s = weight / sqrt(variance + eps), its weights are W * s and
 * its bias is (b - mean) * s + bias, for each output channel.
 */
function fold(graph: OnnxGraph): void {
  const { nodes, initializers } = graph;
  const floats = (name: string): Float32Array => initializers.get(name)?.values as Float32Array;
  for (const norm of nodes.filter(({ op }) => op === 'BatchNormalization')) {
    const [source, gamma, beta, mean, variance] = norm.inputs;
    const conv = nodes.find(({ op, output }) => op === 'Conv' && output === source);
    if (!conv || nodes.filter(({ inputs }) => inputs.includes(source)).length !== 1) continue;
    const [x, weightName, biasName] = conv.inputs;
    const { shape, values } = initializers.get(weightName) as Initializer & { values: Float32Array };
    const { float: eps } = norm.attributes.epsilon as { float: number };
    const perFilter = values.length / shape[0];
    const scale = floats(gamma).map((g, c) => g / Math.sqrt(floats(variance)[c] + eps));
    const shift = scale.map(
      (s, c) => floats(beta)[c] + ((biasName ? floats(biasName)[c] : 0) - floats(mean)[c]) * s,
    );
    const [weights, biases] = [`${weightName}.folded`, `${weightName}.folded_bias`];
    initializers.set(weights, { shape, values: values.map((w, i) => w * scale[Math.floor(i / perFilter)]) });
    initializers.set(biases, { shape: [shape[0]], values: shift });
    conv.inputs = [x, weights, biases];
    nodes.splice(nodes.indexOf(norm), 1);
    conv.output = norm.output;
  }
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  for (const name of initializers.keys()) if (!used.has(name)) initializers.delete(name);
}

// Field numbers and enum values below are those of onnx/onnx.proto3.

const DATA_TYPE = { float: 1, int64: 7 };
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 };

function serialize({ nodes, initializers, inputShape, outputShape }: OnnxGraph): Uint8Array {
  const graph = new ProtoMessage()
    .messages(1, nodes.map(nodeProto))
    .string(2, 'gradiograph')
    .messages(
      5,
      [...initializers].map(([name, initializer]) => tensorProto(name, initializer)),
    )
    .message(11, valueInfo('input', inputShape))
    .message(12, valueInfo('output', outputShape));
  return new ProtoMessage()
    .int(1, 8)
    .string(2, 'gradiograph')
    .message(7, graph)
    .message(8, new ProtoMessage().string(1, '').int(2, 17))
    .finish();
}

function nodeProto({ op, inputs, output, attributes }: OnnxNode): ProtoMessage {
  return new ProtoMessage()
    .strings(1, inputs)
    .string(2, output)
    .string(3, output)
    .string(4, op)
    .messages(
      5,
      Object.entries(attributes).map(([name, value]) => {
        const attribute = new ProtoMessage().string(1, name);
        if (typeof value === 'number') return attribute.int(3, value).int(20, ATTRIBUTE_TYPE.int);
        if ('float' in value) return attribute.float(2, value.float).int(20, ATTRIBUTE_TYPE.float);
        return attribute.ints(8, value).int(20, ATTRIBUTE_TYPE.ints);
      }),
    );
}

function tensorProto(name: string, { shape, values }: Initializer): ProtoMessage {
  return new ProtoMessage()
    .ints(1, shape)
    .int(2, values instanceof Float32Array ? DATA_TYPE.float : DATA_TYPE.int64)
    .string(8, name)
    .bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** A float32 tensor whose first size is the symbol N. */
function valueInfo(name: string, shape: Shape): ProtoMessage {
  const dims = shape.map((size, axis) =>
    axis === 0 ? new ProtoMessage().string(2, 'N') : new ProtoMessage().int(1, size),
  );
  const tensorType = new ProtoMessage()
    .int(1, DATA_TYPE.float)
    .message(2, new ProtoMessage().messages(1, dims));
  return new ProtoMessage().string(1, name).message(2, new ProtoMessage().message(1, tensorType));
}
