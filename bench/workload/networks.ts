/** The three networks of the study, ready to be timed: a training step or an inference on noise. */
import { F, models, nn, noGrad, optim, type Tensor, tensor, tidy } from '../../lib/index.ts';
import { noise } from './shapes.ts';

export const NETWORKS = ['resnet18', 'resnet50', 'densenet121'] as const;
export type NetworkName = (typeof NETWORKS)[number];
export const MODES = ['inference', 'training'] as const;
export type Mode = (typeof MODES)[number];

export interface NetworkTask {
  readonly network: NetworkName;
  readonly mode: Mode;
  readonly batch: number;
  /** Height and width of an image. */
  readonly size: number;
}

/** Multiplications and additions of an image of 224x224 in a forward pass; a training step has three times as many. */
const FLOPS: Record<NetworkName, number> = { resnet18: 3.64e9, resnet50: 8.22e9, densenet121: 5.73e9 };

export function flopsOf({ network, mode, batch, size }: NetworkTask): number {
  return FLOPS[network] * (size / 224) ** 2 * batch * (mode === 'training' ? 3 : 1);
}

/** One step of SGD with momentum on cross-entropy, or one forward pass in evaluation mode, on the current device. */
export function openNetwork({ network, mode, batch, size }: NetworkTask): () => Promise<void> {
  const model: nn.Module = models[network]();
  const x = tensor(noise(batch * 3 * size * size), [batch, 3, size, size]);
  const step = mode === 'training' ? trainer(model, x) : () => model.forward(x).mean();
  if (mode === 'training') model.train();
  else nn.fuse(model.eval());
  return () =>
    tidy(async () => {
      const value = await (mode === 'training' ? step() : noGrad(step)).item();
      if (!Number.isFinite(value)) throw new Error(`${network}, ${mode}: the result is ${value}`);
    });
}

function trainer(model: nn.Module, x: Tensor): () => Tensor {
  const classes = tensor(Array.from({ length: x.shape[0] }, (_, i) => i));
  const optimizer = new optim.SGD(model.parameters(), { lr: 1e-3, momentum: 0.9, weightDecay: 1e-4 });
  return () => {
    const loss = F.crossEntropy(model.forward(x), classes);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
}
