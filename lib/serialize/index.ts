export type { Dtype } from './element-types.ts';
export { OnnxExportError, type WriteOnnxOptions, writeOnnx } from './onnx/write.ts';
export {
  download,
  type HostTensor,
  readSafetensors,
  readSafetensorsMetadata,
  type WriteSafetensorsOptions,
  writeSafetensors,
} from './safetensors.ts';
export { type ReadTorchOptions, readTorch } from './torch.ts';
