import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compareReports } from '../../bench/report/compare.ts';
import type { KernelReport, KernelRow } from '../../bench/report/kernels.ts';

const row = (shape: string, ms: number | null): KernelRow => ({
  kernel: 'gemm',
  shape,
  pass: 'forward',
  flops: 1,
  bytes: 1,
  sample: ms === null ? null : { median: ms, spread: 0, runs: 5 },
});
const report = (...rows: KernelRow[]): KernelReport => ({
  device: 'a device',
  machine: 'a machine',
  batch: 8,
  limits: { gflops: 1, compute: '', copies: [] },
  rows,
});

test('ratios of the rows that both measured, and their geometric mean', () => {
  const text = compareReports(
    report(row('256', 8), row('512', 10), row('1024', 5), row('4096', null)),
    report(row('256', 2), row('512', 40), row('2048', 1), row('1024', 2.5), row('4096', 1)),
  );
  const ratios = Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const match = /^(?:gemm )?(\S+).* (\d+\.\d\d)x$/.exec(line);
      return match ? [[match[1], match[2]]] : [];
    }),
  );
  assert.equal(ratios, { 256: '4.00', 512: '0.25', 1024: '2.00', geometric: '1.26' });
});

test('says so where there is no row in common', () => {
  assert.match(compareReports(report(row('256', 8)), report(row('512', 8))), 'no row in common');
});

test.run();
