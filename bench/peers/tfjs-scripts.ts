/** TensorFlow.js's own bundle for pages, which makes the global `tf`. */
export const TFJS_SCRIPT = new URL('node_modules/@tensorflow/tfjs/dist/tf.min.js', import.meta.url);
