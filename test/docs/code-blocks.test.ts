/** Every block of code in README.md and the documents: TypeScript compiles and runs, commands and their flags exist. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkCommand } from '../support/commands.ts';
import { codeBlocks, documents, readDocument, root } from '../support/markdown.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradiograph-docs-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function run(command: readonly string[], cwd: string): void {
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json'), NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd, env, encoding: 'utf8' });
  assert.is(status, 0, `${stdout}${stderr}`);
}

const blocks = documents.flatMap(codeBlocks);
const programs = blocks
  .filter(({ language }) => language === 'ts')
  .map((block, i) => ({ ...block, file: `block-${i}.ts` }));

const test = suite('code in documents');

test('there is some', () => {
  assert.ok(programs.length >= 2 && blocks.length >= 5, `${blocks.length} blocks`);
});

test('every block says what it is in', () => {
  const known = ['ts', 'sh', 'json', 'html', 'diff', 'text'];
  assert.equal(
    blocks.filter(({ language }) => !known.includes(language)).map(({ title }) => title),
    [],
  );
});

test('TypeScript compiles', () => {
  for (const { file, code } of programs) writeFileSync(join(folder, file), code);
  const compilerOptions = { typeRoots: [join(root, 'node_modules/@types')], noUnusedLocals: false };
  const files = programs.map(({ file }) => file);
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] }),
  );
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  run([join(root, 'node_modules/.bin/tsc'), '-p', '.'], folder);
});

for (const { title, code, file } of programs) {
  // What wants the real data set is compiled only: it is given out on request.
  if (code.includes('MURA-v1.1')) continue;
  test(`${title} runs`, () => {
    const cwd = join(folder, file.replace('.ts', ''));
    mkdirSync(cwd);
    run(['--import', import.meta.resolve('tsx'), join(folder, file)], cwd);
  });
}

for (const { title, code } of blocks.filter(({ language }) => language === 'sh')) {
  test(`${title}: commands and flags exist`, () => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' });
    assert.is(status, 0, stderr);
    for (const line of code.replaceAll('\\\n', ' ').split('\n')) checkCommand(line);
  });
}

for (const { title, code } of blocks.filter(({ language }) => language === 'json')) {
  test(`${title} is JSON`, () => {
    JSON.parse(code);
  });
}

test("examples/first-steps.ts is README's first program", () => {
  const [first] = codeBlocks('README.md').filter(({ language }) => language === 'ts');
  assert.is(readDocument('examples/first-steps.ts'), first.code);
});

test('every program of examples/ has its place in examples/README.md', () => {
  const text = readDocument('examples/README.md');
  const missing = readdirSync(join(root, 'examples')).filter(
    (name) => name.endsWith('.ts') && !text.includes(name),
  );
  assert.equal(missing, []);
});

test.run();
