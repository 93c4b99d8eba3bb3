/** The three networks once more, in the few operations that peers without such models must bring. */
import type { NetworkName } from '../workload/networks.ts';

/** Operations on feature maps T, in whatever layout. An argument is used up; `share` gives one more of it. */
export interface NetworkOps<T> {
  parameter(shape: readonly number[]): T;
  /** `weight` is `[out, in, kernel, kernel]`. */
  conv2d(x: T, weight: T, stride: number, padding: number): T;
  /** By the batch's statistics in training, else x * scale + shift. */
  batchNorm(x: T, scale: T, shift: T): T;
  relu(x: T): T;
  /** 3x3, stride 2, padding 1. */
  maxPool(x: T): T;
  /** 2x2, stride 2. */
  avgPool(x: T): T;
  /** Means over height and width: `[N, C]`. */
  globalAvgPool(x: T): T;
  /** x W + b; `weight` is `[in, out]`. */
  dense(x: T, weight: T, bias: T): T;
  add(a: T, b: T): T;
  /** Along the channels. */
  concat(xs: readonly T[]): T;
  share(x: T): T;
}

const CLASSES = 1000;

/** Logits `[N, 1000]` of x `[N, 3, H, W]`. */
export function forward<T>(ops: NetworkOps<T>, network: NetworkName, x: T): T {
  const conv = (map: T, channels: number, out: number, kernel: number, stride = 1): T =>
    ops.conv2d(map, ops.parameter([out, channels, kernel, kernel]), stride, (kernel - 1) / 2);
  const norm = (map: T, channels: number): T =>
    ops.batchNorm(map, ops.parameter([channels]), ops.parameter([channels]));
  const convNorm = (map: T, channels: number, out: number, kernel: number, stride = 1): T =>
    norm(conv(map, channels, out, kernel, stride), out);
  const normConv = (map: T, channels: number, out: number, kernel: number): T =>
    conv(ops.relu(norm(map, channels)), channels, out, kernel);
  const head = (map: T, channels: number): T =>
    ops.dense(ops.globalAvgPool(map), ops.parameter([channels, CLASSES]), ops.parameter([CLASSES]));

  let map = ops.maxPool(ops.relu(convNorm(x, 3, 64, 7, 2)));
  let channels = 64;
  if (network === 'densenet121') {
    for (const [block, layers] of [6, 12, 24, 16].entries()) {
      for (let layer = 0; layer < layers; layer++) {
        const bottleneck = normConv(ops.share(map), channels, 128, 1);
        map = ops.concat([map, normConv(bottleneck, 128, 32, 3)]);
        channels += 32;
      }
      if (block < 3) {
        map = ops.avgPool(normConv(map, channels, channels / 2, 1));
        channels /= 2;
      }
    }
    return head(ops.relu(norm(map, channels)), channels);
  }
  const isDeep = network === 'resnet50';
  for (const [stage, blocks] of (isDeep ? [3, 4, 6, 3] : [2, 2, 2, 2]).entries()) {
    const planes = 64 << stage;
    const out = isDeep ? 4 * planes : planes;
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      let shortcut = ops.share(map);
      if (isDeep) {
        map = ops.relu(convNorm(map, channels, planes, 1));
        map = convNorm(ops.relu(convNorm(map, planes, planes, 3, stride)), planes, out, 1);
      } else {
        map = convNorm(ops.relu(convNorm(map, channels, planes, 3, stride)), planes, planes, 3);
      }
      if (stride > 1 || channels !== out) shortcut = convNorm(shortcut, channels, out, 1, stride);
      map = ops.relu(ops.add(map, shortcut));
      channels = out;
    }
  }
  return head(map, channels);
}
