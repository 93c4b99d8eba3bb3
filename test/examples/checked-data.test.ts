/** Files that are read behind the first steps: who meets a broken one, and when, makes no difference to the training. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CheckedData } from '../../examples/mura/checked-data.ts';
import { runExperiment } from '../../examples/mura/experiment.ts';
import type { Run, Settings } from '../../examples/mura/options.ts';
import { readSaved } from '../../examples/mura/read-settings.ts';
import { RECIPES } from '../../examples/mura/recipes.ts';
import { MemoryCache } from '../../lib/data/memory-cache.ts';
import { type Device, FormatError, init } from '../../lib/index.ts';
import { drawMura } from '../../lib/mura/synthetic.ts';
import { DataLoader, MuraDataset, ProgressBar } from '../../lib/node.ts';

const test = suite('checked data');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const at = (name: string) => join(folder, name);
let device: Device;

const recipe = {
  ...RECIPES.quick,
  ...({ model: 'cnn2', size: 16, batch: 8, epochs: 2, schedule: { name: 'constant' } } as const),
};
const settingsOf = (data: string): Settings => ({
  data: at(data),
  regions: [],
  pretrained: null,
  seed: 0,
  recipe,
});

/** The images that are broken in the set 'broken': one each of the training, validation and test images. */
let broken: string[] = [];

test.before(async () => {
  device = await init({ device: 'wasm', threads: 1 });
  await drawMura(at('whole'), { patients: { train: 2, valid: 1 } });
  const { train, valid } = await MuraDataset.open(at('whole'));
  const [rest, validation] = train.split(0.2, 0);
  const last = new DataLoader(rest, { shuffle: true }).order(0).at(-1) ?? 0; // that the first epoch comes to
  const images = [rest.images[last], validation.images[1], valid.images[1]];
  broken = images.map(({ path }) => path.slice(at('whole/').length));
  cpSync(at('whole'), at('broken'), { recursive: true });
  for (const path of broken) truncateSync(join(at('broken'), path), 100);
  // As if the broken ones had been known from the start.
  cpSync(at('whole'), at('without'), { recursive: true });
  for (const split of ['train', 'valid']) {
    const list = join(at('without'), `MURA-v1.1/${split}_image_paths.csv`);
    const lines = readFileSync(list, 'utf8').split('\n');
    writeFileSync(list, lines.filter((line) => !broken.includes(line)).join('\n'));
  }
});
test.after(async () => {
  await device.dispose();
  rmSync(folder, { recursive: true });
});

/** Shows each step, however short a time after the last. */
class Told extends ProgressBar {
  constructor(override readonly print: (line: string) => void) {
    super();
  }

  override update(title: string, _part: number, text: string): void {
    this.print(`${title}: ${text}`);
  }
}

interface RunOptions {
  readonly resume?: string;
  readonly strict?: boolean;
  /** Is called with all output whenever some comes, and a way to interrupt. */
  readonly watch?: (output: string, interrupt: () => void) => void;
}

async function run(data: string, out: string, { resume, strict = false, watch }: RunOptions = {}) {
  const stop = new AbortController();
  let output = '';
  const tell = (line: string) => {
    output += `${line}\n`;
    watch?.(output, () => stop.abort());
  };
  const progress = new Told(tell);
  const where: Run = {
    ...{ device: 'wasm', threads: 1, workers: 0, cache: null, overwrite: false, strict },
    ...{ out: at(out), resume: resume ?? null },
  };
  const found = await runExperiment(settingsOf(data), where, { device, progress, signal: stop.signal });
  return { found, output };
}

const weights = (out: string) => readFileSync(join(at(out), 'best.safetensors'), 'latin1');
const assertSame = (out: string, other: string) =>
  assert.ok(weights(out) === weights(other), `${out} and ${other} differ`);
const last = (out: string) => join(at(out), 'last.safetensors');

/** Something that others wait for until it is opened. */
function makeGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** Puts another method into a class while a function runs. */
async function withMethod<T, Name extends keyof T>(
  prototype: T,
  name: Name,
  make: (own: T[Name]) => T[Name],
  body: () => Promise<void>,
): Promise<void> {
  const own = prototype[name];
  prototype[name] = make(own);
  try {
    await body();
  } finally {
    prototype[name] = own;
  }
}

/** Holds back one image of the test set from whoever reads it. */
const holding = (gate: Promise<void>, body: () => Promise<void>) =>
  withMethod(
    MemoryCache.prototype,
    'get',
    (own) =>
      async function (this: MemoryCache, path, workers) {
        if (path.endsWith(broken[2])) await gate;
        return own.call(this, path, workers);
      },
    body,
  );

/** Images by their paths below the data set's root. */
const namesOf = (paths: readonly string[]) => paths.map((path) => path.replace('MURA-v1.1/', '')).toSorted();

const EPOCH = /epoch 1\/2 {2}train:/;

test('the first epoch is trained before the last file was read, to the same end', async () => {
  await run('whole', 'plain');
  const { open, opened } = makeGate();
  await holding(opened, async () => {
    const { found } = await run('whole', 'held', { watch: (output) => EPOCH.test(output) && open() });
    assert.ok('result' in found);
  });
  assertSame('held', 'plain');
  assert.equal((await readSaved(last('held'))).leftOut, []);
});

test('an interrupt is heard while a file does not come, and the training goes on from there', async () => {
  await holding(new Promise(() => {}), async () => {
    const watch = (output: string, interrupt: () => void) => EPOCH.test(output) && interrupt();
    const { found } = await run('whole', 'interrupted', { watch });
    assert.equal(found, { stopped: last('interrupted') });
  });
  assert.is((await readSaved(last('interrupted'))).leftOut, null);
  await run('whole', 'interrupted', { resume: last('interrupted') });
  assertSame('interrupted', 'plain');
});

test('with --strict nothing is trained before all was read, and an interrupt is heard meanwhile', async () => {
  await holding(new Promise(() => {}), async () => {
    const watch = (output: string, interrupt: () => void) => /recipe:/.test(output) && interrupt();
    const { found } = await run('whole', 'strict', { strict: true, watch });
    assert.equal(found, { stopped: null });
  });
  const error = await run('broken', 'strict', { strict: true }).catch((error) => error);
  assert.instance(error, FormatError);
  assert.match(error.message, /^2 broken images:\n/);
  assert.not.ok(existsSync(last('strict')));
});

/** Each names who meets a broken image of the training, and holds the others back until then. */
const STORIES: Record<string, (body: () => Promise<void>) => Promise<void>> = {
  'the check, before the first step': (body) =>
    withMethod(
      CheckedData.prototype,
      'train',
      (own) =>
        async function (this: CheckedData, fit) {
          await this.checked();
          return own.call(this, fit);
        },
      body,
    ),
  'the training, before the check begins': (body) => {
    const { open, opened } = makeGate();
    return withMethod(
      MemoryCache.prototype,
      'get',
      (own) =>
        function (this: MemoryCache, path, workers) {
          return own.call(this, path, workers).catch((error) => {
            open();
            throw error;
          });
        },
      () =>
        withMethod(
          MuraDataset.prototype,
          'check',
          (own) =>
            async function (this: MuraDataset, options) {
              await opened;
              return own.call(this, options);
            },
          body,
        ),
    );
  },
  'either, as it happens': (body) => body(),
};

test('broken images are left out as if they had been known, whoever meets them first', async () => {
  await run('without', 'known');
  for (const [i, [story, tell]] of Object.entries(STORIES).entries()) {
    const out = `met-${i}`;
    await tell(async () => {
      const { found, output } = await run('broken', out);
      assert.ok('result' in found, story);
      assert.match(output, /left out of train, 2 broken images:\n/, story);
      assert.match(output, /left out of valid, 1 broken image:\n/, story);
      if (i < 2) assert.is(output.includes('begins again without them'), i === 1, story);
    });
    assertSame(out, 'known');
    for (const file of ['predictions.csv', 'validation.csv']) {
      assert.is(
        readFileSync(join(at(out), file), 'utf8'),
        readFileSync(join(at('known'), file), 'utf8'),
        story,
      );
    }
    const { leftOut } = await readSaved(last(out));
    assert.equal(leftOut?.toSorted(), namesOf(broken.slice(0, 2)));
  }
});

/** Holds back the check, which then hears nothing but an interrupt. */
const withoutCheck = (body: () => Promise<void>) =>
  withMethod(
    MuraDataset.prototype,
    'check',
    () => (options) =>
      new Promise((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
      }),
    body,
  );
const atFirstStep = (output: string, interrupt: () => void) => /ETA/.test(output) && interrupt();

test('stopped before its files were certain, a training begins again where one is broken', async () => {
  await withoutCheck(async () => {
    const { found } = await run('broken', 'uncertain', { watch: atFirstStep });
    assert.equal(found, { stopped: last('uncertain') });
  });
  assert.is((await readSaved(last('uncertain'))).leftOut, null);
  const { output } = await run('broken', 'uncertain', { resume: last('uncertain') });
  assert.match(output, /begins again without them/);
  assertSame('uncertain', 'known');
});

test('what is no image ends a training at once', async () => {
  const { train, valid } = await MuraDataset.open(at('broken'));
  const split = (images: MuraDataset) => {
    const [train, validation] = images.split(0.2);
    return { train, validation };
  };
  const { signal } = new AbortController();
  const progress = new ProgressBar();
  await withoutCheck(async () => {
    const options = { leftOut: null, strict: false, workers: 0, progress, signal };
    await using data = new CheckedData({ ...options, listed: { train, valid }, split });
    const fault = new FormatError('last.safetensors: cut off');
    assert.is(await data.train(() => Promise.reject(fault)).catch((error) => error), fault);
  });
});

test('a training that was certain goes on without the same images, and with no other broken one', async () => {
  const watch = (output: string, interrupt: () => void) => /epoch 2\/2.*ETA/.test(output) && interrupt();
  const { found } = await run('broken', 'certain', { watch });
  assert.equal(found, { stopped: last('certain') });
  await withoutCheck(async () => {
    await run('broken', 'certain', { resume: last('certain'), watch: atFirstStep });
  });
  assert.equal((await readSaved(last('certain'))).leftOut?.toSorted(), namesOf(broken.slice(0, 2)));
  for (const name of ['mended', 'worse']) cpSync(at('certain'), at(name), { recursive: true });

  const { output } = await run('broken', 'certain', { resume: last('certain') });
  assert.not.match(output, /begins again/);
  assertSame('certain', 'known');
  await run('whole', 'mended', { resume: last('mended') });
  assertSame('mended', 'known');

  const { train } = await MuraDataset.open(at('broken'));
  const path = train.images.find(({ path }) => !broken.some((other) => path.endsWith(other)))?.path ?? '';
  const whole = readFileSync(path);
  truncateSync(path, 100);
  const error = await run('broken', 'worse', { resume: last('worse') }).catch((error) => error);
  writeFileSync(path, whole);
  assert.instance(error, FormatError);
  assert.match(
    error.message,
    'the training has learnt from images that are broken now: mend them, or train anew',
  );
  assert.match(error.message, path);
});

test.run();
