import { Dropout } from '../nn/dropout.ts';
import { Linear } from '../nn/linear.ts';
import { Module } from '../nn/module.ts';
import { Sequential } from '../nn/sequential.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Makes a network's last part from the number of features that it gets. */
export type MakeClassifier = (numFeatures: number) => Module;

/** The names of a network's first convolution and of the batch norm behind it, in its state dict. */
export interface FirstConv {
  /** Such as `conv1`: its weight is `conv1.weight`. */
  readonly conv: string;
  /** Such as `bn1`; null where no batch norm follows. */
  readonly norm: string | null;
}

/** A network of images that tells its parts, under timm's names for them: every network of `models` is one. */
export abstract class ImageModel extends Module {
  /** The names of the first convolution and of the batch norm behind it. */
  abstract readonly firstConv: FirstConv;
  /** The classifier's name in the state dict. */
  abstract readonly classifierName: string;
  /** Features that the classifier gets for an image. */
  abstract readonly numFeatures: number;
  /** The layer whose output is the last feature map, the one that Grad-CAM looks at. */
  abstract readonly lastFeatureLayer: Module;

  /** The last feature map, past its activation: x `[N, C, H, W]` to `[N, K, h, w]`. */
  abstract features(x: Tensor): Tensor;

  /** Logits `[N, numClasses]` from what `features` returns. */
  abstract head(map: Tensor): Tensor;

  /** The groups of modules that fine-tuning freezes and unfreezes together, from the image to the classifier. */
  abstract stages(): Module[][];

  /** The part between the features and the logits. */
  abstract getClassifier(): Module;

  /** Puts a new classifier in the place of the one that `getClassifier` returns. */
  protected abstract setClassifier(classifier: Module): void;

  /**
   * Gives the network a new classifier; the old one is disposed of.
   * @param classifier a number of classes, for one Linear, or what makes the classifier from `numFeatures`
   */
  resetClassifier(classifier: number | MakeClassifier): this {
    this.getClassifier().dispose();
    const make = typeof classifier === 'number' ? (n: number) => new Linear(n, classifier) : classifier;
    this.setClassifier(make(this.numFeatures));
    return this;
  }

  /** The layer of class-activation maps: the one Linear between the means of the last map's channels and the logits, or null. */
  linearOnMeans(): Linear | null {
    return null;
  }

  /** Images x `[N, C, H, W]` to logits `[N, numClasses]`. */
  forward(x: Tensor): Tensor {
    return this.head(this.features(x));
  }
}

/** The one Linear of a module that is nothing else but dropout, or null. */
export function onlyLinear(module: Module): Linear | null {
  const layers = module instanceof Sequential ? [...module] : [module];
  const [linear, ...others] = layers.filter((layer) => !(layer instanceof Dropout));
  return linear instanceof Linear && others.length === 0 ? linear : null;
}
