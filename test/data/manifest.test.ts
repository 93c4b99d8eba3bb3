/** Data sets of a CSV list: targets, columns of other names, splits, and rows that are refused with their line. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeRgbPng } from '../../lib/data/codecs/encode-png.ts';
import { DataLoader } from '../../lib/data/loader.ts';
import { ManifestDataset, type ManifestOptions } from '../../lib/data/manifest.ts';
import { resize } from '../../lib/data/transforms.ts';
import { ArgumentError, FormatError } from '../../lib/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'a'));
for (const name of ['a/1.png', 'a/2.png', '3.png']) {
  writeFileSync(join(root, name), encodeRgbPng({ width: 1, height: 1, data: Uint8Array.of(10, 20, 30) }));
}

const file = join(root, 'list.csv');
const open = (lines: readonly string[], options: ManifestOptions = {}) => {
  writeFileSync(file, lines.join('\n'));
  return ManifestDataset.open(file, { prepare: resize(1), ...options });
};

async function refused(lines: readonly string[], message: RegExp, options?: ManifestOptions): Promise<void> {
  const error = await open(lines, options).then(
    () => assert.unreachable(`should have been refused: ${lines.join(' / ')}`),
    (error) => error,
  );
  assert.instance(error, FormatError);
  assert.match(error.message, message);
  assert.ok(error.message.startsWith(`${file}: `), error.message);
}

test('labels of 0 and 1 are a logit each, and images have colours unless gray is asked for', async () => {
  const lines = ['path,label', 'a/1.png,1', '"a/2.png", 0', '', './3.png,1'];
  const dataset = await open(lines);
  assert.equal([dataset.length, dataset.targetShape, dataset.classes], [3, [1], null]);
  assert.equal(
    dataset.images.map(({ path, target, line }) => [path, target, line]),
    [
      [join(root, 'a/1.png'), 1, 2],
      [join(root, 'a/2.png'), 0, 3],
      [join(root, '3.png'), 1, 5],
    ],
  );
  const normalization = { mean: [0, 0, 0], std: [1, 1, 1] };
  for (const workers of [0, 1]) {
    await using loader = new DataLoader(dataset, { normalization, workers });
    const { value } = await loader.epoch(0).next();
    assert.equal(
      [value?.shape, [...(value?.targets ?? [])]],
      [
        [3, 3, 1, 1],
        [1, 0, 1],
      ],
    );
    assert.equal(
      [...(value?.inputs.subarray(0, 3) ?? [])].map((x) => Math.round(255 * x)),
      [10, 20, 30],
    );
  }
  const gray = await open(lines, { channels: 1 });
  assert.is((await gray.image(0)).data.length, 1);
});

test('several classes are indices in the order given, and columns may be called otherwise', async () => {
  const dataset = await open(
    ['subject,kind,file,notes,split,region', 'p1,dog,1.png,"a, b",train,', 'p2,cat,2.png,,valid,HAND'],
    {
      root: join(root, 'a'),
      columns: { path: 'file', label: 'kind', patient: 'subject' },
      classes: ['cat', 'dog', 'eel'],
    },
  );
  assert.equal(dataset.targetShape, []);
  assert.equal(
    dataset.images.map(({ line, ...image }) => image),
    [
      {
        path: join(root, 'a/1.png'),
        label: 'dog',
        target: 1,
        patient: 'p1',
        study: null,
        region: null,
        split: 'train',
      },
      {
        path: join(root, 'a/2.png'),
        label: 'cat',
        target: 0,
        patient: 'p2',
        study: null,
        region: 'HAND',
        split: 'valid',
      },
    ],
  );
  const valid = dataset.split('valid');
  assert.equal(
    [valid.length, valid.target(0), valid.targetShape, valid.classes],
    [1, 0, [], dataset.classes],
  );
  assert.is((await valid.image(0)).channels, 3);
  assert.throws(
    () => dataset.split('test'),
    (error: Error) =>
      error instanceof ArgumentError && /no split 'test', there are \['train', 'valid'\]/.test(error.message),
  );
});

test('a bad row is named by file and line', async () => {
  const good = ['path,label,patient,split', '3.png,1,p,train'];
  await refused([...good, 'a/1.png,2,q,train'], /line 3: label '2' is none of \['0', '1'\]/);
  await refused([...good, 'a/1.png,1,q,train'], /line 2: label '1' is none of \['x', 'y'\]/, {
    classes: ['x', 'y'],
  });
  await refused([...good, '"a/1.png\n",1'], /line 3: 2 cells, the header has 4/);
  await refused([...good, '', 'a/1.png,,q,train'], /line 4: no label/);
  await refused([...good, ',1,q,train'], /line 3: no path/);
  await refused([...good, 'a/1.png,1,,train'], /line 3: no patient/);
  await refused([...good, 'a/1.png,1,q,'], /line 3: no split/);
  await refused([...good, './a/../3.png,1,p,train'], /line 3: repeats line 2: '\.\/a\/\.\.\/3\.png'/);
  await refused(
    [...good, 'a/1.png,1,p,valid'],
    /line 3: patient 'p' is in split 'valid', and at line 2 in 'train'/,
  );
  for (const path of ['../x.png', 'a/../../x.png', '/etc/passwd', '.', '..', `${root}-other/x.png`]) {
    await refused([...good, `${path},1,q,train`], /line 3: '.*' leads out of /);
  }
  assert.is((await open([...good, `${root}/a/1.png,1,q,train`, '..a.png,0,r,valid'])).length, 3);
});

test('a list that lacks a column or rows, or is not there, is refused', async () => {
  await refused([''], /no row below a header/);
  await refused(['path,label'], /no row below a header/);
  await refused(['path,kind', 'a,1'], /no column 'label', the header has \['path', 'kind'\]/);
  await refused(['path,label', 'a,1'], /no column 'who'/, { columns: { patient: 'who' } });
  await refused(['path,label,path', 'a,1,b'], /two columns are called 'path'/);
  await refused(['path,label', '"a,1'], /line 2: a quote is not closed/);
  rmSync(file);
  const missing = await ManifestDataset.open(file).catch((error) => error);
  assert.instance(missing, FormatError);
  assert.match(missing.message, /list\.csv: cannot be read \(ENOENT/);
  for (const [options, message] of [
    [{ classes: ['a'] }, /classes want two names or more, each once/],
    [{ classes: ['a', 'b', 'a'] }, /classes want two names or more, each once/],
    [{ column: {} }, /no option 'column'; did you mean columns/],
    [{ columns: { patients: 'x' } }, /no option 'patients'; did you mean patient/],
  ] as const) {
    const error = await open(['path,label', '3.png,1'], options as never).catch((error) => error);
    assert.instance(error, ArgumentError);
    assert.match(error.message, message);
  }
});

test.run();
