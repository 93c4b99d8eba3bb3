/** Trainings of a small network on a small drawn set, each in a folder of its name. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawMura } from '../../lib/mura/synthetic.ts';
import { runExample } from './run.ts';

type Arguments = Parameters<typeof runExample>;

export class Trainings {
  readonly folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
  readonly data = join(this.folder, 'data');
  /** Flags of a training that takes a second or two. */
  readonly small: readonly string[] = [
    ...['--data', this.data, '--model', 'cnn2', '--size', '32', '--batch', '8'],
    ...['--device', 'wasm', '--threads', '2'],
  ];

  /** The set to train on; to be there before the first training. */
  async draw(): Promise<void> {
    await drawMura(this.data, { patients: { train: 3, valid: 2 } });
  }

  run = (args: readonly string[], interrupt?: RegExp, act?: Arguments[3]) =>
    runExample('mura-train', args, interrupt, act);

  out = (name: string) => join(this.folder, name);

  /** The losses and metrics of a log, speed and data wait left out. */
  curve = (name: string) =>
    readFileSync(join(this.out(name), 'log.csv'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.replace(/(,[^,]*){2}$/, ''));

  best = (name: string) => readFileSync(join(this.out(name), 'best.safetensors'));
}
