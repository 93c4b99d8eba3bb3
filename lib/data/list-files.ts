import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The paths of all files below a folder, from it on and with '/' between. Links are followed, but no folder is entered
 * twice, so that a loop of links ends; a link to nothing counts as a file. In each folder by name,
 * links last.
 */
export async function listFiles(folder: string): Promise<string[]> {
  const entered = new Set<string>();
  const files: string[] = [];
  const enter = async (below: string): Promise<void> => {
    const place = await realpath(join(folder, below));
    if (entered.has(place)) return;
    entered.add(place);
    const entries = await readdir(place, { withFileTypes: true });
    entries.sort(
      (a, b) => Number(a.isSymbolicLink()) - Number(b.isSymbolicLink()) || (a.name < b.name ? -1 : 1),
    );
    for (const entry of entries) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      const isFolder = entry.isSymbolicLink()
        ? await leadsToFolder(join(place, entry.name))
        : entry.isDirectory();
      if (isFolder) await enter(path);
      else files.push(path);
    }
  };
  await enter('');
  return files;
}

/** Whether a link leads to a folder; a link to nothing, or in a loop, does not. */
export async function leadsToFolder(link: string): Promise<boolean> {
  try {
    return (await stat(link)).isDirectory();
  } catch (error) {
    if (['ENOENT', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
