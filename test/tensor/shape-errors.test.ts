import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { cat, clamp, F, full, ones, type Tensor, tensor, where } from '../../lib/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { errorOf, freshDevice } from '../support/reference-device.ts';

const test = suite('shape errors');
test.before.each(() => void freshDevice());

/** Rows of what goes wrong and the message it gives. */
const TABLE: readonly (readonly [op: () => unknown, message: string])[] = [
  [
    () => ones([2, 3]).add(ones([4, 3])),
    'add: shapes [2, 3] and [4, 3] do not broadcast: axis -2 has sizes 2 and 4',
  ],
  [
    () => where(ones([2]), ones([2, 3]), 0),
    'where: shapes [2] and [2, 3] and [] do not broadcast: axis -1 has sizes 2 and 3',
  ],
  [() => clamp(ones([1]), {}), 'clamp: wants min, max or both'],
  [
    () => ones([2, 3]).matmul(ones([4, 5])),
    'matmul: [2, 3] @ [4, 5]: the left has 3 columns, the right 4 rows',
  ],
  [() => ones([]).matmul(ones([4])), 'matmul: [] @ [4]: wants at least one axis each'],
  [
    () => ones([2, 3, 4]).matmul(ones([3, 4, 5])),
    'matmul: shapes [2] and [3] do not broadcast: axis -1 has sizes 2 and 3',
  ],
  [() => ones([2, 3]).sum(2), 'sum: axis 2 is out of range for rank 2, want -2..1'],
  [() => ones([2, 3]).mean([0, -2]), 'mean: axes [0, 0] repeat'],
  [() => ones([2, 0]).max(1), 'max: no values to choose from in shape [2, 0]'],
  [() => ones([0]).argmax(), 'argmax: no values to choose from in shape [0]'],
  [() => ones([2, 3]).reshape([4, 2]), 'reshape: [2, 3] has 6 values, they do not fill [4, 2]'],
  [() => ones([2, 3]).reshape([-1, 4]), 'reshape: [2, 3] has 6 values, they do not fill [-1, 4]'],
  [() => ones([2, 0]).reshape([-1, 0]), 'reshape: -1 in [-1, 0] could be any size beside a 0; name it'],
  [() => ones([2, 3]).reshape([-1, -1]), 'reshape: [2, 3] has 6 values, they do not fill [-1, -1]'],
  [() => ones([2, 3, 4]).flatten(2, 1), 'flatten: the first axis, 2, comes after the last, 1'],
  [() => ones([2, 3]).unsqueeze(3), 'unsqueeze: axis 3 is out of range for rank 3, want -3..2'],
  [() => ones([2, 3]).permute([0, 0]), 'permute: [0, 0] does not name each axis of [2, 3] once'],
  [() => ones([2, 3]).expand([2, 4]), 'expand: [2, 3] does not expand to [2, 4]'],
  [() => ones([2, 3]).expand([3]), 'expand: [2, 3] does not expand to [3]'],
  [() => ones([2, 3]).expand([-1, 2, 3]), 'expand: [2, 3] does not expand to [-1, 2, 3]'],
  [() => ones([4]).slice(0, 0, 4, 0), 'slice: step wants a whole number > 0, got 0'],
  [() => ones([4]).slice(0, 0.5), 'slice: places want whole numbers, got 0.5 and 4'],
  [() => ones([2, 3]).select(1, 3), 'select: index 3 is out of range for axis 1 of [2, 3], want -3..2'],
  [() => ones([5]).split([2, 2]), 'split: sizes [2, 2] do not add up to 5, axis 0 of [5]'],
  [() => ones([5]).split([6, -1]), 'split: sizes want whole numbers >= 0, got [6, -1]'],
  [() => ones([5]).chunk(0), 'chunk: wants a whole number of chunks from 1 to 16777216, got 0'],
  [() => cat([]), 'cat: wants at least one tensor'],
  [
    () => cat([ones([2, 3]), ones([2, 4]), ones([3, 4])], -1),
    'cat: tensor 2 has shape [3, 4], want [2, 3] but for axis 1',
  ],
  [
    () => ones([2]).pad([1, 1, 1, 1]),
    'pad: padding wants two whole numbers for each of at most 1 axes, got [1, 1, 1, 1]',
  ],
  [() => ones([2, 3]).pad([-2, -2]), 'pad: padding [-2, -2] cuts more than [2, 3] has'],
  [() => tensor([[1, 2], [3]]), 'tensor: values[1] is a list of 1, wants a list of 2, as the first one'],
  [() => tensor([1, 2, 3], [2, 2]), 'tensor: shape [2, 2] wants 4 values, got 3'],
  [() => full([2, -1], 0), 'full: a shape is a list of whole numbers >= 0, got [2, -1]'],

  [
    () => F.conv2d(ones([8, 3, 224, 224]), ones([64, 4, 7, 7])),
    'conv2d: input has 3 channels [8, 3, 224, 224], weight wants 4 [64, 4, 7, 7]',
  ],
  [
    () => F.conv2d(ones([1, 6, 5, 5]), ones([4, 2, 3, 3]), null, { groups: 2 }),
    'conv2d: input has 6 channels [1, 6, 5, 5], weight wants 4 in 2 groups [4, 2, 3, 3]',
  ],
  [
    () => F.conv2d(ones([1, 6, 5, 5]), ones([4, 2, 3, 3]), null, { groups: 3 }),
    'conv2d: groups wants a whole number > 0 that divides the 4 output channels, got 3',
  ],
  [() => F.conv2d(ones([3, 5, 5]), ones([4, 3, 3, 3])), 'conv2d: input wants [N, C, H, W], got [3, 5, 5]'],
  [
    () => F.conv2d(ones([1, 3, 5, 5]), ones([4, 3, 3])),
    'conv2d: weight wants [O, C / groups, KH, KW], got [4, 3, 3]',
  ],
  [() => F.conv2d(ones([1, 3, 5, 5]), ones([4, 3, 3, 3]), ones([3])), 'conv2d: bias wants [4], got [3]'],
  [
    () => F.conv2d(ones([1, 3, 5, 5]), ones([4, 3, 3, 3]), null, { residual: ones([1, 4, 5, 5]) }),
    'conv2d: residual has shape [1, 4, 5, 5], the output [1, 4, 3, 3]',
  ],
  [
    () => F.conv2d(ones([1, 3, 5, 5]), ones([4, 3, 3, 3]), null, { dilation: 3 }),
    'conv2d: the kernel spans [7, 7], the padded input [5, 5] is smaller',
  ],
  [
    () => F.conv2d(ones([1, 3, 5, 5]), ones([4, 3, 3, 3]), null, { stride: 0 }),
    'conv2d: stride wants a whole number >= 1 or two of them, got 0',
  ],
  [
    () => F.conv2d(ones([1, 3, 5, 5]), ones([4, 3, 3, 3]), null, { padding: [1, -1] }),
    'conv2d: padding wants a whole number >= 0 or two of them, got [1, -1]',
  ],
  [
    () => F.conv2d(ones([1, 3, 5, 5]), ones([4, 3, 3, 3]), null, { stride: 2, padding: 'same' }),
    "conv2d: padding 'same' wants stride 1, got [2, 2]",
  ],
  [
    () => F.conv2d(ones([1, 0, 5, 5]), ones([4, 0, 3, 3])),
    'conv2d: weight wants sizes of at least 1, got [4, 0, 3, 3]',
  ],
  [
    () => F.conv2d(ones([1, 3, 0, 5]), ones([4, 3, 1, 1]), null, { padding: 1 }),
    'conv2d: input wants at least one row and column, got [1, 3, 0, 5]',
  ],
  [
    () => F.maxPool2d(ones([1, 1, 0, 8]), { kernelSize: 2, padding: 1 }),
    'maxPool2d: input wants at least one row and column, got [1, 1, 0, 8]',
  ],
  [
    () => F.adaptiveAvgPool2d(ones([1, 1, 4, 0]), 1),
    'adaptiveAvgPool2d: input wants at least one row and column, got [1, 1, 4, 0]',
  ],
  [() => ones([2, 0]).max(1), 'max: no values to choose from in shape [2, 0]'],
  [() => ones([0, 2]).argmax(), 'argmax: no values to choose from in shape [0, 2]'],
  [
    () => F.maxPool2d(ones([1, 1, 8, 8]), { kernelSize: 3, padding: 2 }),
    'maxPool2d: padding [2, 2] is more than half of the kernel [3, 3]',
  ],
  [
    () => F.avgPool2d(ones([1, 1, 2, 8]), { kernelSize: 3 }),
    'avgPool2d: input [1, 1, 2, 8] is too small for the kernel [3, 3], padding [0, 0] and dilation [1, 1]',
  ],
  [
    () => F.avgPool2d(ones([1, 1, 4, 4]), { kernelSize: 2, divisorOverride: 0 }),
    'avgPool2d: divisorOverride wants another number than 0',
  ],
  [
    () => F.adaptiveAvgPool2d(ones([1, 1, 4, 4]), [2, -1]),
    'adaptiveAvgPool2d: outputSize wants whole numbers >= 0, got [2, -1]',
  ],
  [() => F.linear(ones([2, 3]), ones([5, 4])), 'linear: input has 3 features [2, 3], weight wants 4 [5, 4]'],
  [() => F.linear(ones([2, 4]), ones([5, 4]), ones([4])), 'linear: bias wants [5], got [4]'],
  [
    () => F.batchNorm(ones([2, 3, 4]), ones([4]), ones([3])),
    'batchNorm: input has 3 channels [2, 3, 4], runningMean has shape [4]',
  ],
  [
    () => F.batchNorm(ones([1, 3, 1, 1]), null, null, { training: true }),
    'batchNorm: training wants more than one value a channel, got input [1, 3, 1, 1]',
  ],
  [
    () => F.batchNorm(ones([2, 3]), null, null),
    'batchNorm: wants runningMean and runningVar where it is not training',
  ],
  [() => F.dropout(ones([2]), 1.5), 'dropout: p wants a probability from 0 to 1, got 1.5'],
  [
    () => F.mseLoss(ones([4, 1]), ones([4])),
    'mseLoss: input has shape [4, 1], target wants the same, got [4]',
  ],
  [
    () => F.binaryCrossEntropyWithLogits(ones([4, 1]), ones([4])),
    'binaryCrossEntropyWithLogits: input has shape [4, 1], target wants the same, got [4]',
  ],
  [
    () => F.crossEntropy(ones([4, 3]), ones([3])),
    'crossEntropy: input [N, C, ...] has shape [4, 3], target wants [N, ...], got [3]',
  ],
  [
    () => F.crossEntropy(ones([4, 3]), ones([4]), { weight: ones([4]) }),
    'crossEntropy: input has 3 classes [4, 3], weight has shape [4]',
  ],
];

for (const [op, message] of TABLE) {
  test(message, () => assert.is(errorOf(op), `ShapeError: ${message}`));
}

test('item of several values', async () => {
  const rejected = await ones([2])
    .item()
    .catch((error: Error) => error.message);
  assert.is(rejected, 'item: wants a tensor of one value, got shape [2]');
});

test('operands on two devices', () => {
  const x: Tensor = ones([2]);
  setDevice(new ReferenceDevice());
  assert.is(
    errorOf(() => x.add(ones([2]))),
    'DeviceError: add: operands live on two devices, cpu and another cpu; bring one over with to(device)',
  );
});

test('no device', () => {
  setDevice(null);
  assert.is(
    errorOf(() => ones([2])),
    'DeviceError: no device: await init() before the first tensor is made',
  );
});

test.run();
