import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { expectedSeconds } from '../../../bench/peers/forecast.ts';
import type { Cell, MatchRecord } from '../../../bench/peers/record.ts';
import { writeResults } from '../../../bench/peers/results.ts';
import type { Task } from '../../../bench/peers/task.ts';
import { CONV_SHAPES } from '../../../bench/workload/shapes.ts';
import { convTask, gemmTask } from '../../../bench/workload/tasks.ts';

const training: Task = { kind: 'network', network: 'resnet18', mode: 'training', size: 224, batch: 32 };
const cell = (median: number, more: Partial<Cell> = {}): Cell => ({
  sample: { median, spread: 0.02, runs: 5 },
  isFirstCall: false,
  residentBytes: 2 ** 30,
  batch: 8,
  ...more,
});

const record: MatchRecord = {
  conditions: { machine: 'a machine', threads: 2, size: 224 },
  starts: ['2026-01-02 03:04'],
  seconds: 600,
  contestants: [
    { name: 'ours', place: 'machine', hello: { version: '1', detail: 'wasm' } },
    { name: 'theirs', place: 'machine', hello: { version: '2', detail: 'native' } },
    { name: 'lost', place: 'machine', hello: 'absent: needs a thing' },
    { name: 'webgl2', place: 'browser', hello: { version: '3', detail: 'Chromium' } },
  ],
  rows: [
    {
      task: { kind: 'kernel', ...gemmTask(512) },
      cells: {
        ours: cell(2, { batch: 1 }),
        theirs: cell(1, { batch: 1, isFirstCall: true }),
        webgl2: cell(9),
      },
    },
    {
      task: { kind: 'kernel', ...convTask(CONV_SHAPES[0], 'input grad', 8) },
      cells: { ours: cell(4), theirs: { note: 'no gradient' }, webgl2: { note: 'not done in 9 s' } },
    },
    {
      task: training,
      cells: {
        ours: cell(1000, { batch: 32 }),
        theirs: cell(500, { batch: 8, sample: { median: 500, spread: 0, runs: 1 } }),
      },
    },
  ],
};

const lines = writeResults(record, 'chart.svg').split('\n');
const rowsOf = (name: string) => lines.filter((line) => line.startsWith(`| ${name}`));

test('losing rows, missing gradients, single calls and smaller batches all stand in the tables', () => {
  assert.is(rowsOf('gemm 512')[0], '| gemm 512 forward | 2.00 ±2 % | 1.00², 0.50x |');
  assert.match(rowsOf('conv2d')[0], '| 4.00 ±2 % | no gradient |');
  assert.is(rowsOf('resnet18')[0], '| resnet18 training, batch 32 | 32.00 ±2 % | 16.00¹, 2.0x at batch 8 |');
});

test('an absent contestant is named, and has no column', () => {
  assert.ok(lines.includes('- **lost**: absent: needs a thing'));
  assert.not.ok(lines.some((line) => line.startsWith('|') && line.includes('lost')));
});

test('what runs in a browser has tables of its own', () => {
  const browser = lines.indexOf('## Kernels: milliseconds, in Chromium');
  assert.is(lines[browser + 2], '|  | webgl2 |');
  assert.match(lines[browser + 5], 'not done in 9 s');
});

test('forecasts go by the operations done before: of the same kind, else of the convolutions', () => {
  const larger: Task = { ...training, network: 'resnet50' };
  assert.is(expectedSeconds(record, 'ours', larger), 8.22 / 3.64);
  const inference: Task = { ...training, mode: 'inference' };
  assert.is(expectedSeconds(record, 'ours', inference), 0);
  const stem: Task = { kind: 'kernel', ...convTask(CONV_SHAPES[0], 'input grad', 16) };
  assert.is(expectedSeconds(record, 'ours', stem), 0.008);
});

test('what was not done in time is expected to take that time', () => {
  const slow: MatchRecord = {
    ...record,
    rows: [{ task: training, cells: { theirs: { note: 'not done in 20 s', seconds: 20, batch: 4 } } }],
  };
  assert.is(expectedSeconds(slow, 'theirs', { ...training, batch: 2 }), 10);
});

test.run();
