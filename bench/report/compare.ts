/** Two runs of the kernel benchmark side by side. */
import { formatTable } from '../../lib/report/table.ts';
import { digits } from '../measure/statistics.ts';
import type { KernelReport, KernelRow } from './kernels.ts';

/** How many times faster than before each row is that both runs measured, and the geometric mean of that. */
export function compareReports(old: KernelReport, now: KernelReport): string {
  const key = ({ kernel, shape, pass }: KernelRow) => `${kernel} ${shape} ${pass}`;
  const before = new Map(old.rows.map((row) => [key(row), row.sample?.median]));
  const pairs = now.rows.flatMap((row) => {
    const ms = before.get(key(row));
    return ms === undefined || !row.sample ? [] : [{ name: key(row), before: ms, now: row.sample.median }];
  });
  const logarithms = pairs.reduce((sum, pair) => sum + Math.log(pair.before / pair.now), 0);
  const times = (ratio: number) => `${ratio.toFixed(2)}x`;
  return [
    `before: ${old.device}; batch ${old.batch}; ${old.machine}`,
    formatTable([
      ['kernel', 'before ms', 'now ms', 'faster'],
      ...pairs.map((pair) => [
        pair.name,
        digits(pair.before),
        digits(pair.now),
        times(pair.before / pair.now),
      ]),
      [
        'geometric mean',
        '',
        '',
        pairs.length ? times(Math.exp(logarithms / pairs.length)) : 'no row in common',
      ],
    ]),
  ].join('\n');
}
