import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertNoSharedPatients, splitByPatient } from '../../lib/data/split.ts';
import { GradiographError } from '../../lib/errors.ts';
import { Generator } from '../../lib/tensor/random.ts';

const random = new Generator(3);
const images = Array.from({ length: 400 }, (_, patient) => {
  const region = ['hand', 'wrist', 'elbow'][random.integer(3)];
  const label = random.random() < 0.4 ? (1 as const) : (0 as const);
  const image = { patient, region, label };
  const second = { patient, region: 'wrist', label: 1 as const };
  return patient % 7 === 0 ? [image, second] : Array.from({ length: 1 + random.integer(4) }, () => image);
}).flat();

test('whole patients, near the fraction in every region and class', () => {
  const [rest, part] = splitByPatient(images, 0.2, 1);
  assert.is(rest.length + part.length, images.length);
  assert.ok(Math.abs(part.length / images.length - 0.2) < 0.01);
  const right = new Set(part.map(({ patient }) => patient));
  assert.not(rest.some(({ patient }) => right.has(patient)));
  for (const region of ['hand', 'wrist', 'elbow']) {
    for (const label of [0, 1]) {
      const share = (of: typeof images) =>
        of.filter((image) => image.region === region && image.label === label).length;
      assert.ok(Math.abs(share(part) / share(images) - 0.2) < 0.08, `${region} ${label}`);
    }
  }
});

test('same seed, same split', () => {
  assert.equal(splitByPatient(images, 0.2, 1), splitByPatient(images, 0.2, 1));
  assert.not.equal(splitByPatient(images, 0.2, 2), splitByPatient(images, 0.2, 1));
});

test('a patient on both sides is an error, and so is a fraction out of range', () => {
  const a = [{ patient: 12, region: 'hand', label: 0 as const }];
  assert.throws(() => assertNoSharedPatients({ train: a, test: a }), /patient 12 in train and test/);
  assert.throws(
    () => splitByPatient(images, 1),
    (error: Error) => error instanceof GradiographError,
  );
});

test.run();
