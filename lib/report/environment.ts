import { existsSync, readFileSync } from 'node:fs';
import { cpus, platform, release, totalmem } from 'node:os';
import type { TrainingHistory } from './training.ts';

/** What it ran on, how fast, and with which versions: names and values. */
export function environmentRows(
  device: string,
  seconds: number,
  networks: readonly TrainingHistory[],
): [name: string, value: string][] {
  const { node, v8 } = process.versions;
  const processors = cpus();
  return [
    ['device', device],
    ...speedRows(networks),
    ['duration', durationOf(seconds)],
    ['processor', processors.length > 0 ? `${processors.length} x ${processors[0].model}` : 'unknown'],
    ['memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
    ['system', `${platform()} ${release()}`],
    ['versions', `gradiograph ${ownVersion()}, Node ${node}, V8 ${v8}`],
    ['written', new Date().toISOString()],
  ];
}

function durationOf(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  const parts = [`${Math.floor(minutes / 60)} h`, `${minutes % 60} min`, `${whole % 60} s`];
  return parts.slice(whole < 60 ? 2 : minutes < 60 ? 1 : 0).join(' ');
}

/** Over all epochs: harmonic means, since an epoch's time goes by the inverse of its speed. */
function speedRows(networks: readonly TrainingHistory[]): [name: string, value: string][] {
  const epochs = networks.flatMap(({ history }) => history);
  if (epochs.length === 0) return [['speed of training', 'nothing was trained']];
  const times = epochs.map(({ imagesPerSecond }) => 1 / imagesPerSecond);
  const total = times.reduce((sum, time) => sum + time, 0);
  const dataSeconds = epochs.reduce((sum, { dataWait }, i) => sum + dataWait * times[i], 0);
  return [
    ['speed of training', `${(epochs.length / total).toFixed(1)} images/s`],
    ['data wait', `${((100 * dataSeconds) / total).toFixed(1)} % of the training's time`],
  ];
}

/** This package's version, from the package.json above this file, in the checkout as in the published build. */
function ownVersion(): string {
  for (const up of ['../..', '../../..']) {
    const file = new URL(`${up}/package.json`, import.meta.url);
    const found = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
    if (found?.name === 'gradiograph') return found.version;
  }
  return 'of unknown version';
}
