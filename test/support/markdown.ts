/** The documents of this repository, and what stands in them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface CodeBlock {
  /** Document and line, for messages. */
  readonly title: string;
  readonly language: string;
  readonly code: string;
}

/** The paths of all documents but the changelog, below `root`. */
export const documents: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'examples/README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].filter((path) => existsSync(join(root, path)));

export const readDocument = (path: string): string => readFileSync(join(root, path), 'utf8');

const FENCED = /^```(\w*)\n(.*?)^```$/gms;

/** The fenced blocks of a document, in their order. */
export function codeBlocks(path: string): CodeBlock[] {
  const text = readDocument(path);
  return [...text.matchAll(FENCED)].map(({ index, 1: language, 2: code }) => ({
    title: `${path}:${text.slice(0, index).split('\n').length + 1}`,
    language,
    code,
  }));
}

/** What stands between backticks in running text, each once. */
export function inlineCode(path: string): string[] {
  const prose = readDocument(path).replace(FENCED, '');
  return [...new Set([...prose.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code))];
}
