globalThis.answer = new Promise((resolve) => {
  const worker = new Worker(new URL('./trainer.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => resolve({ failure: message });
});
