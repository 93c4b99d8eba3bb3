import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import * as models from '../../lib/models/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

interface Golden {
  parameters: number;
  sha256: string;
  /** `key [shape]`, in order. */
  entries?: string[];
}

const golden: Record<string, Golden> = JSON.parse(
  readFileSync(new URL('../golden/state-dicts.json', import.meta.url), 'utf8'),
);
const factories = {
  resnet18: models.resnet18,
  resnet34: models.resnet34,
  resnet50: models.resnet50,
  resnet101: models.resnet101,
  resnet152: models.resnet152,
  densenet121: models.densenet121,
  densenet161: models.densenet161,
  densenet169: models.densenet169,
  densenet201: models.densenet201,
};

test.before(() => setDevice(new ReferenceDevice()));

for (const [name, create] of Object.entries(factories)) {
  test(`${name} has torchvision's state-dict keys, shapes and parameter count`, () => {
    const model = create();
    const entries = [...model.stateDict()].map(([key, { shape }]) => `${key} [${shape.join(', ')}]`);
    const { parameters, sha256, entries: expected } = golden[name];
    if (expected) assert.equal(entries, expected);
    assert.is(createHash('sha256').update(entries.join('\n')).digest('hex'), sha256);
    assert.is(
      model.parameters().reduce((sum, { size }) => sum + size, 0),
      parameters,
    );
    model.dispose();
  });
}

test.run();
