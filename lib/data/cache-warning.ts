let warned = false;

/** Tells once, on stderr, of a cache that cannot be used: the images are there without it. */
export function warnOfCache(fault: string): void {
  if (warned) return;
  warned = true;
  process.emitWarning(`${fault}; images are decoded each time instead`, 'GradiographWarning');
}
