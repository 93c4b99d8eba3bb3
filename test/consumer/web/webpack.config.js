import { fileURLToPath } from 'node:url';

export default {
  mode: 'production',
  entry: './page.js',
  output: { path: fileURLToPath(new URL('dist/webpack', import.meta.url)), filename: 'page.js' },
  // gpu.js is one chunk of 620 KiB, loaded when a device of it is asked for: more than webpack likes without a word.
  performance: { hints: false },
};
