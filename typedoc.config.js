/** The API reference, of everything that package.json exports: `npm run docs`. */
import { readFileSync } from 'node:fs';

const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const source = (declarations) => declarations.replace('./dist/', '').replace(/\.d\.ts$/, '.ts');

export default {
  tsconfig: 'tsconfig.build.json',
  entryPoints: Object.values(exports).map(({ types }) => source(types)),
  out: 'docs/api',
  readme: 'none',
  githubPages: false,
  excludeInternal: true,
  excludeExternals: true,
  externalPattern: ['**/node_modules/**', 'kernels/**'],
  skipErrorChecking: true, // tsc's, in npm run check
  intentionallyNotExported: ['kernels/primitives.ts:Storage'],
  validation: { notDocumented: true, notExported: true, invalidLink: true },
  treatWarningsAsErrors: true,
};
