/**
 * Tensors, autograd, layers, optimisers, networks and files of weights: all that a browser may load.
 * @module gradiograph
 */
import './tensor/methods.ts';

export type { Device, DeviceMemory, DeviceName, GpuMode, Storage } from './devices/device.ts';
export { type Profile, type ProfileRow, profile } from './devices/profile.ts';
export { currentDevice, type DeviceChoice, type InitOptions, setDevice } from './devices/select.ts';
export {
  ArgumentError,
  AutogradError,
  DeviceError,
  FormatError,
  FusedError,
  GradiographError,
  ShapeError,
  StateDictError,
} from './errors.ts';
export { init } from './init.ts';
export * as models from './models/index.ts';
export * as F from './nn/functional.ts';
export * as nn from './nn/index.ts';
export * from './ops/cat.ts';
export * from './ops/methods.ts';
export type { Operand } from './ops/operand.ts';
export * from './ops/variance.ts';
export * from './ops/where.ts';
export * as optim from './optim/index.ts';
export * as serialize from './serialize/index.ts';
export { type BackwardOptions, enableGrad, isGradEnabled, noGrad } from './tensor/autograd.ts';
export {
  arange,
  type CreateTensor,
  full,
  ones,
  rand,
  randn,
  type TensorOptions,
  tensor,
  zeros,
} from './tensor/create.ts';
export type { Growth } from './tensor/growth.ts';
export { type Memory, memory } from './tensor/memory.ts';
export { Generator, type GeneratorState, generator, seed } from './tensor/random.ts';
export { keep, tidy } from './tensor/scope.ts';
export type { Listed, Shape } from './tensor/shape.ts';
export { Tensor } from './tensor/tensor.ts';
export type { NestedArray, TypedArray } from './tensor/values.ts';
