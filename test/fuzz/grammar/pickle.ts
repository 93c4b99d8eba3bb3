/** Mutations of pickles, opcode by opcode, in torch.save's two formats. */
import type { Generator } from '../../../lib/index.ts';
import { readStoredZip } from '../../../lib/serialize/zip.ts';
import type { Mutation } from '../format.ts';
import { concat, joinAll, pick, repeat } from '../mutate.ts';
import { storedZip } from './zip.ts';

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

/** How many bytes the argument of each opcode takes; of one that tells its own length, the bytes that tell it. */
const FIXED: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    [...'.RbQ(t)]}aesuN', '\x81', '\x85', '\x86', '\x87', '\x88', '\x89'].map((op) => [op, 0]),
  ),
  ...{ '\x80': 1, J: 4, K: 1, M: 2, G: 8, h: 1, j: 4, q: 1, r: 4 },
};
const TELLING: Readonly<Record<string, number>> = { '\x8a': 1, U: 1, X: 4, T: 4 };

/** The opcodes of the pickles at the start of the bytes, and what follows them. */
function split(bytes: Uint8Array): { ops: Uint8Array[]; rest: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ops: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const op = String.fromCharCode(bytes[at]);
    let end = at + 1;
    if (op === 'c') {
      for (let line = 0; line < 2 && end > 0; line++) end = bytes.indexOf(10, end) + 1;
    } else if (op in TELLING) {
      if (end + TELLING[op] > bytes.length) break;
      end += TELLING[op] + (TELLING[op] === 1 ? bytes[end] : view.getUint32(end, true));
    } else if (op in FIXED) end += FIXED[op];
    else break;
    if (end === 0 || end > bytes.length) break;
    ops.push(bytes.subarray(at, end));
    at = end;
  }
  return { ops, rest: bytes.subarray(at) };
}

const text = (value: string): number[] => [...ascii('U'), value.length, ...ascii(value)];
const GLOBALS = [
  'collections\nOrderedDict',
  'torch._utils\n_rebuild_tensor_v2',
  'torch._utils\n_rebuild_parameter',
  'torch\nFloatStorage',
  'torch\nLongStorage',
  'torch\nSize',
  'os\nsystem',
];

function randomOp(random: Generator): Uint8Array {
  const byte = () => random.integer(256);
  return Uint8Array.from(
    pick(
      [
        () => ascii(pick([...'RbQ(t)]}aesuN.'], random)),
        () => [pick([0x81, 0x85, 0x86, 0x87, 0x88, 0x89], random)],
        () => [...ascii(pick(['h', 'q'], random)), random.integer(8)],
        () => [...ascii('j'), ...[byte(), byte(), byte(), byte()]],
        () => [...ascii('K'), byte()],
        () => [...ascii('J'), ...[byte(), byte(), byte(), pick([0, 0x7f, 0x80, 0xff], random)]],
        () => text(pick(['state_dict', 'model', 'storage', 'cpu', '0', '', 'w'], random)),
        () => [...ascii('X'), ...[byte(), byte(), byte(), pick([0, byte()], random)]],
        () => [...ascii('\x8a'), 9, ...Array.from({ length: 9 }, byte)],
        () => ascii(`c${pick(GLOBALS, random)}\n`),
      ],
      random,
    )(),
  );
}

const get = (slot: number): number[] => [...ascii('h'), slot];
const NAMES = ['state_dict', 'model', 'model_state_dict', 'w', ''];
const ORDERED_DICT = ascii('ccollections\nOrderedDict\n');

/** A list of pairs of a number and None. */
const pairs = (length: number): number[] => [
  ...ascii(']('),
  ...Array.from({ length }, (_, i) => [...ascii('M'), i & 255, i >> 8, ...ascii('N'), 0x86]).flat(),
  ...ascii('e'),
];

/** Parts that leave a value on the stack and want none there; memo 0 is a dict, 1 a list of pairs, 2 what was last put, 3 OrderedDict. */
const PARTS: readonly ((random: Generator) => readonly number[])[] = [
  (random) =>
    pick(['}', ']', ')', 'N', '(t', 'K\x07', 'G\x7f\xf0\0\0\0\0\0\0'], random).split('').flatMap(ascii),
  (random) => text(pick(NAMES, random)),
  (random) => get(random.integer(3)),
  (random) => [...get(0), ...text(pick(NAMES, random)), ...get(random.integer(3)), ...ascii('s')],
  (random) => [...get(1), ...get(random.integer(3)), ...ascii('a')],
  (random) => [...get(3), ...get(random.integer(3)), 0x85, ...ascii('R')],
  () => [...get(3), ...ascii(')R')],
  (random) => [...get(random.integer(3)), ...get(random.integer(3)), 0x86, ...ascii('q'), 2],
  (random) => ascii(`ctorch\n${pick(['Size', 'FloatStorage'], random)}\n`),
  (random) => {
    const [shape, stride] = [random.integer(5), random.integer(5)].map((rank) => [
      ...ascii('('),
      ...Array.from({ length: rank }, () => [...ascii('K'), random.integer(4)]).flat(),
      ...ascii('t'),
    ]);
    const storage = [...ascii('('), ...text('storage'), ...ascii('ctorch\nFloatStorage\n'), ...text('0')];
    const id = [...storage, ...text('cpu'), ...ascii('K'), random.integer(16), ...ascii('tQ')];
    const call = ascii('ctorch._utils\n_rebuild_tensor_v2\n(');
    return [...call, ...id, ...ascii('K'), random.integer(4), ...shape, ...stride, ...ascii('\x89NtR')];
  },
];

/** A program whose parts are sound, though what they make need not be; one of them may be repeated some thousand times. */
function randomProgram(random: Generator): Uint8Array {
  const part = () => Uint8Array.from(pick(PARTS, random)(random));
  const codes: Uint8Array[] = Array.from({ length: random.integer(12) }, part);
  codes.push(random.integer(2) === 0 ? repeat(part(), random) : part());
  const nested = random.integer(4) === 0 ? 2 ** random.integer(14) : 0;
  const wrapper = Uint8Array.from([...ascii('}'), ...text(pick(NAMES, random))]);
  return joinAll([
    Uint8Array.from([...ORDERED_DICT, ...ascii('q\x03')]),
    Uint8Array.from([...pairs(pick([1, 30, 900, 9000], random)), ...ascii('q\x01}q\0q\x02')]),
    ...codes,
    ...Array.from({ length: nested }, () => wrapper),
    Uint8Array.from(get(random.integer(4) === 0 ? 2 : 0)),
    Uint8Array.from(ascii('s'.repeat(nested))),
    Uint8Array.from(ascii('.')),
  ]);
}

function mutateOps(ops: readonly Uint8Array[], random: Generator): Uint8Array[] {
  const at = random.integer(ops.length + 1);
  const end = Math.min(ops.length, at + 1 + random.integer(12));
  const [before, part, after] = [ops.slice(0, at), ops.slice(at, end), ops.slice(end)];
  switch (random.integer(6)) {
    case 0:
      return [...before, ...after];
    case 1:
      return [...before, ...part, repeat(joinAll(part), random), ...after];
    case 2:
      return [...before, randomOp(random), ...part, ...after];
    case 3:
      return [...before, randomOp(random), ...after];
    case 4:
      return [...before, ...part.reverse(), ...after];
    default: {
      const from = random.integer(ops.length + 1);
      return [...before, ...ops.slice(from, from + 1 + random.integer(12)), ...part, ...after];
    }
  }
}

/** A mutant of the opcodes that the bytes begin with. */
const mutatePickle: Mutation = (bytes, random) => {
  const { ops, rest } = split(bytes);
  return joinAll([...mutateOps(ops, random), rest]);
};

/** The fourth of the five pickles of a legacy file is what was saved, the fifth lists its storages. */
const replaceLegacyObject: Mutation = (bytes, random) => {
  const { ops } = split(bytes);
  const stops = ops.flatMap((op, i) => (op[0] === 0x2e ? i : []));
  if (stops.length < 5) return bytes;
  const program = concat(Uint8Array.of(0x80, 2), randomProgram(random));
  const noStorages = Uint8Array.of(0x80, 2, ...ascii('].'));
  return joinAll([...ops.slice(0, stops[2] + 1), program, noStorages]);
};

const withPickle =
  (mutate: Mutation): Mutation =>
  (bytes, random, other) => {
    let members: Map<string, Uint8Array>;
    try {
      members = readStoredZip(bytes);
    } catch {
      return bytes;
    }
    for (const [name, member] of members) {
      if (name.endsWith('/data.pkl')) members.set(name, mutate(member, random, other));
    }
    return storedZip(members);
  };

export const LEGACY: readonly Mutation[] = [mutatePickle, replaceLegacyObject];
export const ZIP: readonly Mutation[] = [
  withPickle(mutatePickle),
  withPickle((_, random) => concat(Uint8Array.of(0x80, 2), randomProgram(random))),
];
