/** Mutations of pickles, opcode by opcode, in torch.save's two formats. */
import type { Generator } from '../../../lib/index.ts';
import { readStoredZip } from '../../../lib/serialize/zip.ts';
import type { Mutation } from '../format.ts';
import { concat, pick, repeat } from '../mutate.ts';
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

/** What each opcode wants on the stack, so that most of a random program is executed. */
const STEPS: readonly { readonly pops: number; readonly pushes: number; readonly code: readonly number[] }[] =
  [
    { pops: 0, pushes: 1, code: ascii('}') },
    { pops: 0, pushes: 1, code: ascii(']') },
    { pops: 0, pushes: 1, code: ascii(')') },
    { pops: 0, pushes: 1, code: text('state_dict') },
    { pops: 0, pushes: 1, code: text('model') },
    { pops: 0, pushes: 1, code: ascii('K\x07') },
    { pops: 0, pushes: 1, code: ascii('h\x00') },
    { pops: 0, pushes: 1, code: ascii('h\x01') },
    { pops: 0, pushes: 1, code: ascii('ccollections\nOrderedDict\n') },
    { pops: 1, pushes: 1, code: ascii('q\x00') },
    { pops: 1, pushes: 1, code: ascii('q\x01') },
    { pops: 1, pushes: 1, code: [0x85] },
    { pops: 2, pushes: 1, code: [0x86] },
    { pops: 2, pushes: 1, code: ascii('a') },
    { pops: 3, pushes: 1, code: ascii('s') },
    { pops: 2, pushes: 1, code: ascii('R') },
  ];

/** A program of up to some thousand steps; its inner part may be a loop. */
function randomProgram(random: Generator): Uint8Array {
  const codes = [Uint8Array.from([...ascii(']q\x01}q'), 0])];
  let depth = 2;
  for (let left = 1 + random.integer(40); left > 0; left--) {
    const step = pick(
      STEPS.filter(({ pops }) => pops <= depth),
      random,
    );
    depth += step.pushes - step.pops;
    codes.push(Uint8Array.from(step.code));
  }
  const from = random.integer(codes.length);
  const to = Math.min(codes.length, from + 1 + random.integer(6));
  const loop = random.integer(2) === 0 ? repeat(concat(...codes.slice(from, to)), random) : new Uint8Array();
  return concat(...codes.slice(0, to), loop, ...codes.slice(to), Uint8Array.from(ascii('.')));
}

function mutateOps(ops: readonly Uint8Array[], random: Generator): Uint8Array[] {
  const at = random.integer(ops.length + 1);
  const end = Math.min(ops.length, at + 1 + random.integer(12));
  const [before, part, after] = [ops.slice(0, at), ops.slice(at, end), ops.slice(end)];
  switch (random.integer(6)) {
    case 0:
      return [...before, ...after];
    case 1:
      return [...before, ...part, repeat(concat(...part), random), ...after];
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
  return concat(...mutateOps(ops, random), rest);
};

/** The fourth of the five pickles of a legacy file is what was saved. */
const replaceLegacyObject: Mutation = (bytes, random) => {
  const { ops, rest } = split(bytes);
  const stops = ops.flatMap((op, i) => (op[0] === 0x2e ? i : []));
  if (stops.length < 5) return bytes;
  const program = concat(Uint8Array.of(0x80, 2), randomProgram(random));
  return concat(...ops.slice(0, stops[2] + 1), program, ...ops.slice(stops[3] + 1), rest);
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
