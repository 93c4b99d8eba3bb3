/** The floors of the house: imports, those of types too, run downwards and in no circle. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** From the ground up. A file belongs to the longest name that its path begins with. */
const FLOORS = [
  ['kernels/'],
  ['lib/printable.ts'],
  ['lib/errors.ts', 'lib/arguments.ts', 'lib/readers.ts'],
  ['lib/devices/'],
  ['lib/tensor/'],
  ['lib/ops/'],
  ['lib/tensor/methods.ts'],
  ['lib/nn/'],
  ['lib/models/', 'lib/optim/', 'lib/serialize/', 'lib/data/'],
  ['lib/train/'],
  ['lib/explain/', 'lib/report/', 'lib/mura/'],
  ['lib/'],
  ['examples/'],
  ['bench/', 'test/'],
] as const;

const root = fileURLToPath(new URL('..', import.meta.url));

const rooms = FLOORS.flatMap((names, floor) => names.map((name) => ({ name, floor }))).sort(
  (a, b) => b.name.length - a.name.length,
);
const roomOf = (file: string) => rooms.find(({ name }) => file.startsWith(name));

const files = ['kernels', 'lib', 'examples', 'bench', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.split(sep).includes('node_modules'))
    .map((name) => join(folder, name).replaceAll(sep, '/')),
);

/** The files of the house that each file imports, exports from, or loads later. */
const imports = new Map(
  files.map((file) => {
    const found = readFileSync(join(root, file), 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
    const targets = [...found].map(([, path]) => normalize(join(dirname(file), path)).replaceAll(sep, '/'));
    return [file, targets.filter((target) => files.includes(target))] as const;
  }),
);

const edges = [...imports].flatMap(([from, targets]) => targets.map((to) => ({ from, to })));

/** One circle of imports, or null. */
function findCircle(): readonly string[] | null {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): readonly string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    path.push(file);
    for (const target of imports.get(file) ?? []) {
      const circle = visit(target);
      if (circle) return circle;
    }
    path.pop();
    done.add(file);
    return null;
  };
  for (const file of files) {
    const circle = visit(file);
    if (circle) return circle;
  }
  return null;
}

test('the imports are found', () => {
  assert.ok(edges.some(({ from, to }) => from === 'lib/ops/conv2d.ts' && to === 'lib/tensor/tensor.ts'));
  assert.ok(edges.length > 1000, `${edges.length} imports`);
});

test('no import goes to a higher floor', () => {
  const upward = edges.filter(({ from, to }) => (roomOf(to)?.floor ?? 0) > (roomOf(from)?.floor ?? 0));
  assert.equal(upward, []);
});

test('no imports run in a circle', () => {
  assert.is(findCircle(), null);
});

test('examples import what users can: the entries of package.json', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries = Object.values<{ types: string }>(exports).map(({ types }) =>
    types.replace('./dist/', '').replace('.d.ts', '.ts'),
  );
  const inside = edges.filter(
    ({ from, to }) => from.startsWith('examples/') && to.startsWith('lib/') && !entries.includes(to),
  );
  assert.equal(inside, []);
});

test.run();
