export { Cnn, type CnnOptions, type CnnPlan, cnn2, cnn4, cnn15 } from './cnn.ts';
export {
  DenseNet,
  type DenseNetOptions,
  densenet121,
  densenet161,
  densenet169,
  densenet201,
} from './densenet.ts';
export { type FirstConv, ImageModel, type MakeClassifier } from './image-model.ts';
export {
  ResNet,
  type ResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
} from './resnet.ts';
