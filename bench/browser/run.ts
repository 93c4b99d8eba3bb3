/**
 * Our GL kernels beside tfjs-webgl's, in one Chromium page on the same GL: `npm run bench:browser [repeats]`.
 * tfjs is installed into bench/peers at the first run. Both are warmed up, take turns, and are timed from the call
 * until the result is back in JavaScript.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { bundle, openPage } from '../../test/browser/chromium.ts';
import type { Row } from './page.ts';

const repeats = Number(process.argv[2] ?? 7);
const peers = fileURLToPath(new URL('../peers', import.meta.url));
const scripts = ['tfjs-core/dist/tf-core.min.js', 'tfjs-backend-webgl/dist/tf-backend-webgl.min.js'].map(
  (path) => `${peers}/node_modules/@tensorflow/${path}`,
);

if (!scripts.every((path) => existsSync(path))) {
  execFileSync('npm', ['install', '--prefix', peers], { stdio: 'inherit' });
}
await using open = await openPage(await bundle(new URL('page.ts', import.meta.url).href));
for (const path of scripts) await open.page.addScriptTag({ path });
const report = await open.page.evaluate((times) => window.contest(times), repeats);
console.log(`${report.ours}; ${cpus().length} cores ${cpus()[0].model}; Chromium, medians of ${repeats}`);
console.log(table([header(report.theirs), ...report.rows.map(columns)]));

function header(theirs: string): string[] {
  return ['shape', 'op', `${theirs} ms`, 'ours ms', 'ratio', 'our GFLOPS', 'difference'];
}

function columns(row: Row): string[] {
  return [
    row.shape,
    row.op,
    row.theirs.toFixed(1),
    row.ours.toFixed(1),
    `${(row.theirs / row.ours).toFixed(1)}x`,
    (row.gflop / row.ours / 1e-3).toFixed(2),
    row.difference.toExponential(0),
  ];
}

function table(rows: readonly string[][]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    )
    .join('\n');
}
