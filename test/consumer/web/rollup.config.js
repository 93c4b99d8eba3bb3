import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';

export default {
  input: ['page.js', 'worker.js'],
  output: { dir: 'dist/rollup' },
  plugins: [nodeResolve({ browser: true }), commonjs(), terser()],
};
