import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Measure } from '../../examples/mura/measures.ts';
import { PUBLISHED } from '../../examples/mura/published.ts';
import type { FinishedCell } from '../../examples/mura/study-cells.ts';
import { entriesOf, notesOf, tablesOf, toHtml, toMarkdown } from '../../examples/mura/study-table.ts';
import { drawMura } from '../../lib/mura/synthetic.ts';
import { REGIONS, type ScoredImage } from '../../lib/node.ts';
import { runExample } from './run.ts';

const test = suite('mura-study');
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
const data = join(folder, 'data');
test.before(async () => {
  await drawMura(data, { patients: { train: 3, valid: 2 } });
});
test.after(() => rmSync(folder, { recursive: true }));

const out = join(folder, 'out');
const study = (args: readonly string[], interrupt?: RegExp) =>
  runExample(
    'mura-study',
    [...['--data', data, '--size', '32', '--batch', '8', '--device', 'wasm', '--threads', '2'], ...args],
    interrupt,
  );
const GRID = ['--recipe', 'cnn2', '--region', 'unified,wrist', '--epochs', '3', '--out', out];
const cell = (scope: string) => join(out, 'cnn2', scope, 'seed-0');

test('an interrupted grid goes on: finished cells are skipped, the others end as if nothing had been', async () => {
  const stopped = await study(GRID, /^epoch 1\/3 {2}train/m);
  assert.is(stopped.code, 130, stopped.output);
  assert.match(stopped.output, /stopped; run it again to go on\n\n0 of 2 cells are finished\n$/);
  assert.ok(existsSync(join(cell('unified'), 'last.safetensors')));
  assert.not.ok(existsSync(join(cell('unified'), 'result.json')));
  assert.not.ok(existsSync(cell('wrist')));

  const resumed = await study(GRID);
  assert.is(resumed.code, 0, resumed.output);
  assert.match(resumed.output, /2 of 2 cells are finished: .*results\.md\n$/);
  const whole = await study([...GRID.slice(0, -1), join(folder, 'whole')]);
  assert.is(whole.code, 0, whole.output);
  for (const file of ['predictions.csv', 'best.safetensors']) {
    const other = join(folder, 'whole/cnn2/unified/seed-0', file);
    assert.equal(readFileSync(join(cell('unified'), file)), readFileSync(other), file);
  }

  const times = () => ['unified', 'wrist'].map((scope) => statSync(join(cell(scope), 'result.json')).mtimeMs);
  const before = times();
  const again = await study([...GRID, '--seed', '0']);
  assert.is(again.code, 0, again.output);
  assert.match(again.output, /cnn2, unified, seed 0: finished before/);
  assert.equal(times(), before);
});

test('a cell with other settings is named and left alone, the others go on, and the exit code is 1', async () => {
  rmSync(join(cell('wrist'), 'result.json'));
  const { code, output } = await study([...GRID, '--region', 'elbow', '--lr', '0.5']);
  assert.is(code, 1, output);
  assert.match(
    output,
    /^failed: cnn2, unified, seed 0: GradiographError: .*unified.*: holds this cell with other settings/m,
  );
  assert.match(
    output,
    /^failed: cnn2, wrist, seed 0: GradiographError: .*wrist.*: holds this cell with other settings/m,
  );
  assert.match(output, /1 of 3 cells are finished/);
  const results = readFileSync(join(out, 'results.md'), 'utf8');
  assert.match(results, /^\| elbow \| \d+ \| 0\.000 \| -?[\d.]+<br>/m);
  assert.not.match(results, /^\| wrist/m);
  assert.match(
    readFileSync(join(out, 'results.csv'), 'utf8'),
    /\ncnn2,from scratch,specialised,0,image,elbow,/,
  );
});

test('wrong flags are explained', async () => {
  const complaints: [string[], RegExp][] = [
    [['--recipe', 'vgg'], /'vgg' is none of quick, scratch/],
    [['--region', 'knee'], /'knee' is none of elbow/],
    [['--seed', '1.5'], /Wants a whole number/],
  ];
  for (const [args, complaint] of complaints) {
    const { code, output } = await study([...args, '--out', join(folder, 'wrong')]);
    assert.is(code, 1, output);
    assert.match(output, complaint);
  }
  const help = await study(['--help']);
  assert.is(help.code, 0);
  for (const flag of ['--recipe', '--region', '--seed', '--data', '--mixup', '--out'])
    assert.match(help.output, flag);
});

/** A finished cell whose model gives every image of a region the same score. */
function constantCell(scope: FinishedCell['scope'], seed: number, kappa: number): FinishedCell {
  const region = scope === 'unified' ? 'wrist' : scope;
  const test = [0, 1].map(
    (label): ScoredImage => ({
      path: `${label}.png`,
      split: 'valid',
      region,
      patient: REGIONS.indexOf(region) * 2 + label,
      study: `${region}/${label}`,
      label: label as 0 | 1,
      score: 0.2,
    }),
  );
  const measured = (unit: Measure['unit'], name: string): Measure => ({
    ...{ unit, region: name, n: 2, accuracy: 0.5, accuracyInterval: [0, 1], majority: 0.5 },
    ...{ kappa, kappaInterval: [null, null], auroc: 0.5, sensitivity: 0, specificity: 1, collapsed: true },
  });
  const settings = { pretrained: null, seed } as FinishedCell['settings'];
  const result = {
    threshold: 0.1,
    measures: [measured('image', region), measured('study', region), measured('study', 'all')],
  } as unknown as FinishedCell['result'];
  return { recipe: 'cnn2', scope, settings, folder: '', result, test };
}

test('seven specialised models have a common row, each at its own threshold, and a mark where they are constant', () => {
  const entries = entriesOf(REGIONS.map((region) => constantCell(region, 0, 0)));
  const all = entries.filter(({ region }) => region === 'all');
  assert.equal(
    all.map(({ unit, n, sensitivity, auroc, collapsed }) => [unit, n, sensitivity, auroc, collapsed]),
    [
      ['image', 14, 1, null, true],
      ['study', 14, 1, null, true],
    ],
  );
  assert.is(
    entriesOf(REGIONS.slice(1).map((region) => constantCell(region, 0, 0))).filter(
      ({ region }) => region === 'all',
    ).length,
    0,
  );
  const [kappa] = tablesOf(entries);
  assert.equal(kappa.rows[0].slice(0, 4), ['elbow', '2', '0.000', '0.000\n- to -\none class only']);
});

test('seeds are averaged beside their range, and the published figures have their right names', () => {
  const entries = entriesOf([constantCell('unified', 0, 0.2), constantCell('unified', 1, 0.6)]);
  const [kappa, accuracy] = tablesOf(entries);
  assert.equal(kappa.header.slice(0, 4), [
    'region',
    'studies',
    'majority class',
    'cnn2 from scratch, unified',
  ]);
  assert.is(kappa.rows[0][3], '0.400\n0.200 to 0.600\none class only');
  assert.equal(
    kappa.header.slice(4),
    PUBLISHED.map(({ title }) => title),
  );
  assert.is(kappa.rows[0][4], '0.931');
  assert.is(accuracy.header.length, 4, 'no accuracy of others was published on these images');
  const notes = notesOf(entries);
  assert.match(notes[0], /not the test images of MURA v1\.1/);
  assert.ok(
    notes.some((note) =>
      /kappa per study on the hidden test set, 207 studies.*another set than ours/.test(note),
    ),
  );
  const page = toHtml('<title>', [kappa], notes);
  assert.match(page, '<title>&lt;title&gt;</title>');
  assert.match(page, '<td>0.400<br><small>0.200 to 0.600</small>');
  assert.match(
    toMarkdown('t', [kappa], notes),
    '| wrist | 2 | 0.000 | 0.400<br>0.200 to 0.600<br>one class only |',
  );
});

test.run();
