/** What is passed in the place of a tensor, a module or an optimiser is refused in a sentence that says what is wanted. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { argmax, cat, F, mean, nn, ones, optim, stack, sum, type Tensor, where } from '../lib/index.ts';
import { errorOf, freshDevice } from './support/reference-device.ts';

test.before(() => void freshDevice());

const list = [[1, 2]] as unknown as Tensor;
const untyped = (value: unknown) => value as never;
const x = () => ones(1, 2);

const TENSOR = 'input wants a tensor, as tensor() makes, got [a list]';
const REFUSED: Record<string, [call: () => unknown, message: string]> = {
  'a model': [() => new nn.Linear(2, 1)(list), `linear: ${TENSOR}`],
  'a convolution': [() => new nn.Conv2d(1, 1, 1)(list), `conv2d: ${TENSOR}`],
  'a batch norm': [
    () => new nn.BatchNorm2d(1)(untyped(3)),
    'batchNorm: input wants a tensor, as tensor() makes, got 3',
  ],
  'a pool': [() => F.maxPool2d(list, 2), `maxPool2d: ${TENSOR}`],
  'an activation': [() => F.relu(list), `relu: ${TENSOR}`],
  softmax: [() => F.softmax(list, 1), `softmax: ${TENSOR}`],
  dropout: [() => F.dropout(list), `dropout: ${TENSOR}`],
  sum: [() => sum(list), `sum: ${TENSOR}`],
  mean: [() => mean(list), `mean: ${TENSOR}`],
  argmax: [() => argmax(list), `argmax: ${TENSOR}`],
  'a loss': [() => F.crossEntropy(list, [1]), `crossEntropy: ${TENSOR}`],
  where: [() => where(list, 1, 0), `where: ${TENSOR}`],
  'a weight': [
    () => F.linear(x(), list),
    'linear: an operand wants a tensor, as tensor() makes, got [a list]',
  ],
  cat: [() => cat(untyped(x())), 'cat: wants a list of tensors, got a Tensor'],
  stack: [() => stack([x(), list]), 'stack: item 1 wants a tensor, as tensor() makes, got [a list]'],
  'a layer': [() => new nn.Sequential(untyped('relu')), "Sequential: layer 0 wants a module, got 'relu'"],
  'no layer': [
    () => new nn.Sequential(untyped(undefined)),
    'Sequential: layer 0 wants a module, got undefined',
  ],
  'an optimiser of a model': [
    () => new optim.Adam(untyped(new nn.Linear(1, 1))),
    'optimizer: wants parameters, as model.parameters() gives, got a Module',
  ],
  'a schedule of parameters': [
    () => new optim.StepLR(untyped([x()]), { stepSize: 1 }),
    'scheduler: wants an optimizer, got [a Tensor]',
  ],
  'a plateau of nothing': [
    () => new optim.ReduceLROnPlateau(untyped(null)),
    'scheduler: wants an optimizer, got null',
  ],
  clipping: [
    () => nn.clipGradNorm(untyped(new nn.Linear(1, 1)), 1),
    'clipGradNorm: wants parameters, as model.parameters() gives, got a Module',
  ],
};

for (const [what, [call, message]] of Object.entries(REFUSED)) {
  test(what, () => assert.is(errorOf(call), `ArgumentError: ${message}`));
}

test.run();
