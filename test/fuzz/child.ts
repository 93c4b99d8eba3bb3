/**
 * Runs cases of one format, in a process of its own, so that one that hangs or dies is seen from outside: each case is
 * written to `folder` before it is read.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setDevice } from '../../lib/devices/select.ts';
import { Generator, GradiographError, memory, seed as seedGenerator } from '../../lib/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { type Fault, type Format, LIMITS } from './format.ts';
import { drawMutant } from './mutate.ts';
import { type Message, savedAs, type Task } from './task.ts';

/** What memory holds that is handed out without being cleared, as that of buffers dropped earlier may be. */
let stale = 0;
Buffer.allocUnsafe = (size) => Buffer.alloc(size, stale);
Buffer.allocUnsafeSlow = (size) => Buffer.alloc(size, stale);

/** A copy with other bytes before and behind it, at an address that is a multiple of four or is not. */
function surround(bytes: Uint8Array, offset: number): Uint8Array {
  const buffer = new Uint8Array(bytes.length + 128).fill(stale);
  buffer.set(bytes, offset);
  return buffer.subarray(offset, offset + bytes.length);
}

/** Forgets the highest use of memory so far, where the system can. */
function resetPeak(): void {
  if (process.platform === 'linux') writeFileSync('/proc/self/clear_refs', '5');
}
const peakBytes = (): number => 1024 * process.resourceUsage().maxRSS;

/** Either a digest of what was read, or the message of a refusal; `faults` of both kinds are told as they are found. */
async function readOnce(
  format: Format,
  bytes: Uint8Array,
  path: string,
  tell: (fault: Fault, detail: string) => void,
): Promise<{ readonly read: boolean; readonly answer: string }> {
  // What a reader draws, as the first weights of a layer that the file lacks, is then the same.
  seedGenerator(0);
  const tensors = memory().tensors;
  resetPeak();
  const before = peakBytes();
  const start = process.cpuUsage();
  let [read, answer] = [true, ''];
  try {
    answer = digest(await format.read(bytes, path));
  } catch (error) {
    read = false;
    if (error instanceof GradiographError) {
      answer = error.message;
      if (answer.length > LIMITS.messageCharacters)
        tell('an endless message', `${answer.length} characters, ${answer.slice(0, 200)}`);
    } else tell('a raw error', String(error instanceof Error ? error.stack : error));
  }
  const { user, system } = process.cpuUsage(start);
  const milliseconds = (user + system) / 1000;
  if (milliseconds > LIMITS.milliseconds(bytes.length))
    tell('too slow', `${milliseconds.toFixed(0)} ms for ${bytes.length} bytes`);
  const grown = peakBytes() - before;
  if (grown > LIMITS.peakBytes(bytes.length))
    tell('too much memory', `${(grown / 2 ** 20).toFixed(0)} MiB for ${bytes.length} bytes`);
  const left = memory().tensors - tensors;
  if (left !== 0) tell('a leak of tensors', `${left} are left`);
  return { read, answer };
}

function digest(values: readonly unknown[]): string {
  const hash = createHash('sha1');
  for (const value of values) {
    if (ArrayBuffer.isView(value))
      hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    else
      hash.update(
        JSON.stringify(value, (_, item) => {
          if (typeof item === 'number' && !Number.isFinite(item)) return String(item);
          return ArrayBuffer.isView(item) ? digest([item]) : item;
        }) ?? 'undefined',
      );
    hash.update('\n');
  }
  return hash.digest('hex');
}

async function main(task: Task): Promise<void> {
  const { table, format: name, seed, first, last, seconds, folder } = task;
  const { FORMATS } = (await import(table)) as { FORMATS: readonly Format[] };
  const format = FORMATS.find((one) => one.name === name);
  if (!format) throw new Error(`no format is named ${name}`);
  setDevice(new ReferenceDevice());
  const samples = await format.samples();
  for (const sample of samples) {
    const { read, answer } = await readOnce(format, sample, write(folder, sample), fail);
    if (!read) fail('a raw error', `a sound file is refused: ${answer}`);
  }
  const end = performance.now() + 1000 * seconds;
  let [cases, read] = [0, 0];
  for (let index = first; index < last && performance.now() < end; index++) {
    const bytes = drawMutant(format, samples, new Generator(seed, index));
    const path = write(folder, bytes);
    writeFileSync(join(folder, 'index'), String(index));
    let told = false;
    const tell = (fault: Fault, detail: string): void => {
      if (told) return;
      told = true;
      const kept = savedAs(task, index);
      if (kept) writeFileSync(kept, bytes);
      send({ kind: 'finding', index, fault, detail });
    };
    stale = 0;
    const once = await readOnce(format, surround(bytes, 32), path, tell);
    cases++;
    if (told) continue;
    stale = 0xa5;
    const twice = await readOnce(format, surround(bytes, 37), path, tell);
    if (once.answer !== twice.answer)
      tell('a value of memory outside the file', `${once.answer}, then ${twice.answer}`);
    if (once.read) read++;
  }
  send({ kind: 'done', cases, read, refused: cases - read });
}

function write(folder: string, bytes: Uint8Array): string {
  const path = join(folder, 'input');
  writeFileSync(path, bytes);
  return path;
}

/** Of a sample, which is sound. */
function fail(fault: Fault, detail: string): never {
  throw new Error(`a sample: ${fault}: ${detail}`);
}

// A runner that was killed wants no more answers.
process.on('disconnect', () => process.exit());

const send = (message: Message): void => void process.send?.(message);

await main(JSON.parse(readFileSync(process.argv[2], 'utf8')));
process.disconnect?.();
