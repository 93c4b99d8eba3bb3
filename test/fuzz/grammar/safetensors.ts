/** Mutations of a safetensors file's header, and of JSON that its metadata holds. */
import type { Generator } from '../../../lib/index.ts';
import type { Mutation } from '../format.ts';
import { concat } from '../mutate.ts';
import { isNested, mutateJson } from './json.ts';

interface Parts {
  readonly header: string;
  readonly values: Uint8Array;
}

function parts(bytes: Uint8Array): Parts | null {
  if (bytes.length < 8) return null;
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (8 + length > bytes.length) return null;
  return {
    header: new TextDecoder().decode(bytes.subarray(8, 8 + length)),
    values: bytes.subarray(8 + length),
  };
}

function join({ header, values }: Parts, random: Generator): Uint8Array {
  const json = new TextEncoder().encode(header);
  const length = new Uint8Array(8);
  const told = random.integer(16) === 0 ? json.length + random.integer(17) - 8 : json.length;
  new DataView(length.buffer).setBigUint64(0, BigInt(Math.max(0, told)), true);
  return concat(length, json, values);
}

export const mutateHeader: Mutation = (bytes, random) => {
  const found = parts(bytes);
  return found ? join({ ...found, header: mutateJson(found.header, random) }, random) : bytes;
};

/** Changes the JSON under a key of the metadata, as checkpoints and networks have it. */
export const mutateMetadata =
  (key: string): Mutation =>
  (bytes, random) => {
    const found = parts(bytes);
    if (!found || isNested(found.header)) return bytes;
    let header: { __metadata__?: Record<string, string> } | null;
    try {
      header = JSON.parse(found.header);
    } catch {
      return bytes;
    }
    const text = header?.__metadata__?.[key];
    if (typeof text !== 'string') return bytes;
    const metadata = { ...header?.__metadata__, [key]: mutateJson(text, random) };
    return join({ ...found, header: JSON.stringify({ ...header, __metadata__: metadata }) }, random);
  };
