/** What documents name between backticks is there: scripts, files, and in those on the house functions and options. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkCommand } from '../support/commands.ts';
import { codeBlocks, documents, inlineCode, readDocument, root } from '../support/markdown.ts';

/** Documents whose every word between backticks is a name of the source. */
const ON_THE_HOUSE = ['docs/ARCHITECTURE.md', 'CONTRIBUTING.md'];

const FOLDERS = ['kernels', 'lib', 'examples', 'bench', 'test', 'docs'];
const isPath = (code: string) => /^(kernels|lib|examples|bench|test|docs)\/[\w./-]*$/.test(code);

for (const path of documents) {
  test(`${path}: scripts and files exist`, () => {
    const codes = inlineCode(path);
    for (const code of codes) if (/^np[mx] /.test(code)) checkCommand(code.replace(/\[.*\]/, ''));
    const patched = codeBlocks(path).flatMap(({ code }) => code.match(/(?<=^\+\+\+ b\/).*$/gm) ?? []);
    assert.equal(
      codes.filter((code) => isPath(code) && !patched.includes(code) && !existsSync(join(root, code))),
      [],
    );
  });

  test(`${path}: links lead somewhere`, () => {
    const links = [...readDocument(path).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link]) => link);
    const broken = links.filter(
      (link) => !/^https?:/.test(link) && !existsSync(join(root, dirname(path), link)),
    );
    assert.equal(broken, []);
  });
}

const source = [
  ...FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|py|json)$/.test(name) && !/node_modules|golden.*json/.test(name))
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  ),
  ...['package.json', 'typedoc.config.js', '.ci/run'].map((name) => readFileSync(join(root, name), 'utf8')),
].join('\n');
const words = new Set(source.match(/[A-Za-z_]\w*/g));

for (const path of documents.filter((path) => ON_THE_HOUSE.includes(path))) {
  test(`${path}: names exist in the source`, () => {
    const names = inlineCode(path).filter((code) => !isPath(code) && !code.includes(' '));
    const unknown = names.filter(
      (name) => !(name.match(/[A-Za-z_]\w*/g) ?? []).every((word) => words.has(word)),
    );
    assert.equal(unknown, []);
  });
}

test.run();
