/** What an editor shows: TypeScript's language server, asked over its standard streams. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';

const TSC = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly items: readonly unknown[] };
  readonly result?: unknown;
}

interface Hover {
  readonly contents: { readonly value: string };
}

/**
 * What hovering shows in the file `name` (which need not exist) of this folder, with `text` in it.
 * @param positions line and character, both from 0
 * @returns Markdown, or null where nothing is shown
 */
export async function hover(
  name: string,
  text: string,
  positions: readonly { line: number; character: number }[],
): Promise<(string | null)[]> {
  const server = spawn(process.execPath, [TSC, '--lsp', '--stdio'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map<number, (result: unknown) => void>();
  const send = (message: object) => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
  let id = 0;
  const ended = once(server, 'exit').then(([code]) => {
    throw new Error(`the language server ended with code ${code}`);
  });
  ended.catch(() => {}); // it is killed in the end
  const request = (method: string, params: unknown): Promise<unknown> => {
    const answer = new Promise((resolve) => waiting.set(++id, resolve));
    send({ id, method, params });
    return Promise.race([answer, ended]);
  };
  const receive = ({ id, method, params, result }: Message) => {
    if (id === undefined) return;
    if (method) send({ id, result: params?.items?.map(() => null) ?? null });
    else waiting.get(id)?.(result);
  };
  let received = Buffer.alloc(0);
  server.stdout.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const start = received.indexOf('\r\n\r\n') + 4;
      const length = Number(/Content-Length: (\d+)/.exec(received.toString('latin1', 0, start))?.[1]);
      if (start < 4 || received.length < start + length) return;
      receive(JSON.parse(received.toString('utf8', start, start + length)));
      received = received.subarray(start + length);
    }
  });

  try {
    const uri = pathToFileURL(fileURLToPath(new URL(name, import.meta.url))).href;
    const capabilities = { textDocument: { hover: { contentFormat: ['markdown'] } } };
    await request('initialize', { processId: process.pid, rootUri: null, capabilities });
    send({ method: 'initialized', params: {} });
    send({
      method: 'textDocument/didOpen',
      params: { textDocument: { uri, languageId: 'typescript', version: 1, text } },
    });
    const shown: (string | null)[] = [];
    for (const position of positions) {
      const result = await request('textDocument/hover', { textDocument: { uri }, position });
      shown.push((result as Hover | null)?.contents.value ?? null);
    }
    return shown;
  } finally {
    server.kill();
  }
}
