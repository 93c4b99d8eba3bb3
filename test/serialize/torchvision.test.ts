import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { init, models, noGrad, tensor } from '../../lib/index.ts';
import { loadWeights } from '../../lib/node.ts';
import { skipped } from '../support/skipped.ts';

const script = fileURLToPath(new URL('torchvision_state.py', import.meta.url));

/** A Python that has torchvision: the first on the path, or Debian's own beside another version. */
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import torch, torchvision']).status === 0,
);

if (python) {
  const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
  test.after(() => rmSync(folder, { recursive: true }));
  const { status, stderr } = spawnSync(python, [script, folder], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  const expected: Record<string, number[]> = JSON.parse(readFileSync(join(folder, 'logits.json'), 'utf8'));
  await init({ device: 'wasm' });

  for (const name of ['resnet18', 'densenet121'] as const) {
    for (const kind of ['zip', 'old']) {
      test(`${name}: torchvision's ${kind} file gives PyTorch's logits`, async () => {
        const model = models[name]().eval();
        model.loadStateDict(await loadWeights(join(folder, `${name}.${kind}.pth`)));
        const x = tensor(Float32Array.from(expected.x), [2, 3, 64, 64]);
        const logits = await noGrad(() => model.forward(x)).data();
        const scale = Math.max(...expected[name].map(Math.abs));
        expected[name].forEach((value, i) => {
          assert.ok(Math.abs(logits[i] - value) < 1e-4 * scale, `${i}: ${logits[i]}, PyTorch has ${value}`);
        });
      });
    }
  }
  test('a head with another number of classes is reported with both shapes', async () => {
    const state = await loadWeights(join(folder, 'resnet18.zip.pth'));
    assert.throws(
      () => models.resnet18({ numClasses: 2 }).loadStateDict(state),
      /fc\.weight.*\[1000, 512\].*\[2, 512\]|fc\.weight.*\[2, 512\].*\[1000, 512\]/s,
    );
  });
} else {
  skipped(
    'torchvision state dicts',
    'no python3 here imports torchvision: apt-get install python3-torchvision',
  );
}

test.run();
