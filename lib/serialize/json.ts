/** The first key that stands twice in one object of a valid JSON text, or null; JSON.parse keeps the last silently. */
export function findDuplicateKey(text: string): string | null {
  const keys: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{') keys.push(new Set());
    else if (character === '}') keys.pop();
    else if (character === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
      let next = i + 1;
      while (' \t\n\r'.includes(text[next] ?? '?')) next++;
      if (text[next] !== ':') continue;
      const key: string = JSON.parse(text.slice(start, i + 1));
      const known = keys[keys.length - 1];
      if (known.has(key)) return key;
      known.add(key);
    }
  }
  return null;
}
