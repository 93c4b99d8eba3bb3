const versions: Readonly<Record<string, string | undefined>> =
  typeof process === 'undefined' ? {} : (process.versions ?? {});

/** What runs this program. Bun and Deno have Node's modules and report a version of Node, but have not its V8. */
export const host = versions.bun ? 'bun' : versions.deno ? 'deno' : versions.node ? 'node' : 'browser';

/** Node's major version; 0 elsewhere. */
export const nodeMajor = host === 'node' ? Number(versions.node?.split('.')[0]) : 0;
