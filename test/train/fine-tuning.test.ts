import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { models } from '../../lib/index.ts';
import { layerGroups, unfreeze } from '../../lib/train/fine-tuning.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

test.before(() => setDevice(new ReferenceDevice()));

const NETWORKS = {
  cnn4: () => models.cnn4({ inputSize: 16 }),
  resnet18: () => models.resnet18({ numClasses: 1 }),
  densenet121: () => models.densenet121({ numClasses: 1 }),
};

for (const [name, make] of Object.entries(NETWORKS)) {
  test(`${name}: the stages hold every parameter once, and the head last`, () => {
    const model = make();
    const groups = layerGroups(model, 1e-2, 0.5);
    assert.equal(new Set(groups.flatMap(({ params }) => params)), new Set(model.parameters()));
    assert.is(groups.flatMap(({ params }) => params).length, model.parameters().length);
    assert.is(groups.at(-1)?.lr, 1e-2);
    assert.is(groups.at(-2)?.lr, 5e-3);
    assert.ok(groups.at(-1)?.params.includes([...model.namedParameters().values()].at(-1) as never));
  });
}

test('first the head, then one stage more each epoch', () => {
  const model = models.resnet18({ numClasses: 1 });
  const fineTuning = { frozenEpochs: 2, gradual: true, layerDecay: 1 };
  assert.equal(
    [1, 2, 3, 4, 7, 20].map((epoch) => unfreeze(model, epoch, fineTuning)),
    [1, 1, 2, 3, 6, 6],
  );
  unfreeze(model, 3, fineTuning);
  const learning = [...model.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad);
  assert.ok(learning.every(([key]) => /^(layer4|fc)\./.test(key)));
  assert.is(unfreeze(model, 3, { ...fineTuning, gradual: false }), 6);
  assert.ok(model.parameters().every(({ requiresGrad }) => requiresGrad));
});

test.run();
