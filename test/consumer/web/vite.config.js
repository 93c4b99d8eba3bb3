// gpu.js is one chunk of 620 KiB, loaded when a device of it is asked for: more than Vite likes without a word.
export default { base: './', build: { outDir: 'dist/vite', chunkSizeWarningLimit: 900 } };
