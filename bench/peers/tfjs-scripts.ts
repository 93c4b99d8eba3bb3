/** TensorFlow.js's own bundles, for pages: they make the global `tf`. */
export const TFJS_SCRIPTS: readonly URL[] = [
  'tfjs-core/dist/tf-core.min.js',
  'tfjs-backend-webgl/dist/tf-backend-webgl.min.js',
].map((path) => new URL(`node_modules/@tensorflow/${path}`, import.meta.url));
