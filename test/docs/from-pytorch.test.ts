/** docs/FROM-PYTORCH.md against the library: each name of ours exists, and what is called missing does not. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as data from '../../lib/data/index.ts';
import * as core from '../../lib/index.ts';
import { setDevice, tensor } from '../../lib/index.ts';
import * as node from '../../lib/node.ts';
import * as train from '../../lib/train/index.ts';
import { readDocument } from '../support/markdown.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

setDevice(new ReferenceDevice());
const model = new core.nn.Linear(1, 1);
const scope: Record<string, unknown> = {
  ...core,
  data,
  node,
  train,
  model,
  optimizer: new core.optim.SGD(model.parameters(), { lr: 1 }),
  x: tensor([1]),
};

/** Whether a path such as `nn.init.normal` leads to something. */
const exists = (path: string): boolean => {
  let value: unknown = scope;
  for (const name of path.split('.')) {
    if (value === null || value === undefined || !(name in Object(value))) return false;
    value = (value as Record<string, unknown>)[name];
  }
  return true;
};

const codesOf = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code);
const camelCase = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

const [present, missing] = readDocument('docs/FROM-PYTORCH.md')
  .split('## What is missing')
  .map((part) =>
    part
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| torch |'))
      .map((line) => line.split('|').map((cell) => cell.trim())),
  );

test('each name under "ours" exists', () => {
  assert.ok(present.length > 50, `${present.length} rows`);
  const wrong = present.flatMap(([, torch, ours]) => {
    const names = codesOf(ours);
    return names.length === 0 ? [`${torch}: no name`] : names.filter((name) => !exists(name));
  });
  assert.equal(wrong, []);
});

test('what is called missing is', () => {
  const names = missing.flatMap(([, torch]) => codesOf(torch)).map((name) => name.replace(/^torch\./, ''));
  assert.ok(names.length > 20, `${names.length} names`);
  assert.equal(
    names.filter((name) => exists(camelCase(name))),
    [],
  );
});

test('each function of F, optimiser and schedule is in the table', () => {
  const known = new Set(present.flatMap(([, , ours]) => codesOf(ours)));
  const all = Object.entries({ F: core.F, optim: core.optim }).flatMap(([name, functions]) =>
    Object.keys(functions).map((key) => `${name}.${key}`),
  );
  const others = ['F.relu', 'F.leakyRelu', 'F.sigmoid', 'F.tanh', 'F.softplus', 'F.softmax', 'F.logSoftmax'];
  const bases = ['optim.Optimizer', 'optim.LRScheduler'];
  assert.equal(
    all.filter((name) => !known.has(name) && ![...others, ...bases].includes(name)),
    [],
  );
});

test.run();
