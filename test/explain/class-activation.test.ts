import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../lib/errors.ts';
import { F, init, memory, models, nn, noGrad, randn, seed, type Tensor, tensor } from '../../lib/index.ts';
import { type ActivationMap, classActivationMap, gradCam, hottestPoint } from '../../lib/node.ts';
import { initialValues } from '../models/parity.ts';
import { close, decode } from '../support/close-to.ts';
import { hashed } from '../support/hashed.ts';

interface Golden {
  model: 'resnet18' | 'densenet121';
  target: number;
  /** null for a class-activation map, else the layer of Grad-CAM. */
  layer: string | null;
  shape: [number, number, number];
  map: string;
}
const goldens: Golden[] = JSON.parse(readFileSync(new URL('../golden/maps.json', import.meta.url), 'utf8'));

const test = suite('class activation');
let device: Awaited<ReturnType<typeof init>>;
test.before(async () => {
  device = await init({ device: 'wasm' });
});
test.after(() => device.dispose());

const throwsShape = async (run: () => Promise<unknown>, message: RegExp) => {
  const error = await run().then(
    () => null,
    (error) => error,
  );
  assert.instance(error, ShapeError);
  assert.match(error.message, message);
};
const flat = (maps: readonly ActivationMap[]) => Float32Array.from(maps.flatMap(({ data }) => [...data]));
const mean = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length;
const greatest = (values: Float32Array) => values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);

/** The network of golden/record_maps.py and its two images `[2, 3, 64, 96]`. */
function golden(name: Golden['model']): { model: models.ResNet | models.DenseNet; x: Tensor } {
  const model = models[name]({ numClasses: 3 });
  for (const [key, parameter] of model.namedParameters()) {
    parameter.assign(parameter.device.upload(initialValues(key, parameter)));
  }
  return { model, x: tensor(hashed(2 * 3 * 64 * 96, 5), [2, 3, 64, 96]) };
}

for (const name of ['resnet18', 'densenet121'] as const) {
  test(`maps of ${name} equal PyTorch's, at any layer`, async () => {
    const { model, x } = golden(name);
    for (const { target, layer, shape, map } of goldens.filter(({ model }) => model === name)) {
      const maps =
        layer === null ? await classActivationMap(model, x, target) : await gradCam(model, layer, x, target);
      assert.equal([maps.length, maps[0].height, maps[0].width], shape, `${layer}`);
      const expected = decode(map);
      close(`${name} ${layer}`, flat(maps), expected, { rtol: 1e-4, atol: 2e-5 * greatest(expected) });
    }
    model.dispose();
    x.dispose();
  });
}

test('behind a global average pool Grad-CAM is the part of the class-activation map above zero, over its size', async () => {
  const { model, x } = golden('densenet121');
  const map = flat(await classActivationMap(model, x, 2));
  const reached = flat(await gradCam(model, (model as models.DenseNet).relu, x, 2));
  assert.ok(map.some((value) => value < 0) && map.some((value) => value > 0));
  const expected = map.map((value) => Math.max(value, 0) / 6);
  close('Grad-CAM', reached, expected, { rtol: 1e-4, atol: 2e-5 * greatest(expected) });
  model.dispose();
  x.dispose();
});

/** A small network with a pooled head of one logit. */
function small(): models.ResNet {
  seed(3);
  return new models.ResNet(nn.BasicBlock, [1, 1, 1, 1], { numClasses: 1 });
}

test('the mean of a map and the bias make the logit', async () => {
  const model = small();
  const head = model.fc as nn.Linear;
  const x = randn([3, 3, 64, 64]);
  const maps = await classActivationMap(model, x);
  const logits = await noGrad(() => model.eval().forward(x)).data();
  const [bias] = await (head.bias as Tensor).data();
  close(
    'logits',
    Float32Array.from(maps, ({ data }) => mean(data) + bias),
    logits,
  );
  model.fc = new nn.Sequential(new nn.Dropout(0.5), head);
  assert.equal(await classActivationMap(model, x), maps, 'dropout does nothing in evaluation mode');
});

test('each image of a batch has the map that it has alone', async () => {
  const model = small();
  const x = randn([2, 3, 64, 64]);
  const both = await gradCam(model, 'layer3', x);
  for (const [i, map] of both.entries()) {
    const [alone] = await gradCam(model, model.layer3, x.slice(0, i, i + 1));
    close(`image ${i}`, alone.data, map.data, { atol: 1e-5 * greatest(map.data) });
  }
});

test('mode, gradients, what is trained, and memory stay as they were', async () => {
  const model = small();
  const x = randn([2, 3, 64, 64]);
  model.conv1.freeze();
  F.mseLoss(model.forward(x), tensor([[1], [0]])).backward();
  const gradients = async () =>
    Promise.all(model.parameters().map(async ({ grad }) => grad && [...(await grad.data())]));
  const before = await gradients();
  const wanted = model.parameters().map(({ requiresGrad }) => requiresGrad);
  const { bytesHeld: _, ...used } = memory();
  await gradCam(model, 'layer4.0.bn2', x);
  const [begunInNoGrad] = noGrad(() => [gradCam(model, 'conv1', x)]);
  await begunInNoGrad;
  await classActivationMap(model, x);
  await throwsShape(() => gradCam(model, 'fc', x), /layer 'fc' gives \[2, 1\]/);
  const { bytesHeld: __, ...left } = memory();
  assert.equal(left, used);
  assert.equal(await gradients(), before);
  assert.equal(
    model.parameters().map(({ requiresGrad }) => requiresGrad),
    wanted,
  );
  assert.is(model.training, true);
  assert.not(model.namedModules().get('fc')?.isHooked);
});

test('a head that has no such map, and a layer that gives none, are named', async () => {
  const model = small();
  const x = randn([1, 3, 64, 64]);
  model.fc = new nn.Sequential(new nn.Linear(512, 8), new nn.ReLU(), new nn.Linear(8, 1));
  await throwsShape(() => classActivationMap(model, x), /wants one Linear between the means .* use gradCam/);
  const cnn = models.cnn2({ inputSize: 16 });
  await throwsShape(() => classActivationMap(cnn, x), /wants one Linear between the means .* use gradCam/);
  await throwsShape(() => gradCam(model, 'layer9', x), /no layer 'layer9'/);
  await throwsShape(() => gradCam(model, cnn, x), /logit does not depend on layer Cnn/);
  const [map] = await gradCam(cnn, 'features.pool2', randn([1, 3, 16, 16]));
  assert.equal([map.height, map.width], [4, 4]);
});

test('the hottest point is the middle of the greatest place', () => {
  const data = Float32Array.of(0, 0, 0, 0, 0, 7, 0, 7);
  assert.equal(hottestPoint({ width: 4, height: 2, data }), { x: 0.375, y: 0.75 });
});

test.run();
