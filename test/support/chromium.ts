/** Bundles a page's script as an application would, minified, and opens it in headless Chromium. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser to test in: `CHROMIUM`, or where distributions put it; undefined where there is none. */
export const chromiumPath = process.env.CHROMIUM ?? CANDIDATES.find((path) => existsSync(path));

/** Software GL and WebGPU (SwiftShader), and none of the browser's own network traffic. */
const FLAGS = [
  '--no-sandbox',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const SCRIPT = 'text/javascript';

/** The strictest policy that the README names. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:";

/** Headers that make a page cross-origin isolated, which SharedArrayBuffer wants. */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** A file, by its URL, as one minified script for a browser. No Node polyfills, no externals. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
  });
  return outputFiles[0].text;
}

export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** What the page wrote to its console, newest last. */
  readonly console: readonly string[];
}

type Answer = readonly [type: string, body: string | Buffer] | null;

/** Serves an empty page with `script` as its module and opens it; `await using` closes browser and server. */
export function openPage(script: string, { isolated = true } = {}): Promise<OpenPage> {
  const html = '<!doctype html><title>gradiograph</title><script type="module" src="script.js"></script>';
  const answer = (path: string): Answer => (path === '/script.js' ? [SCRIPT, script] : ['text/html', html]);
  return open(answer, isolated ? ISOLATION : {}, '/');
}

/** Serves a folder of pages and scripts, under `POLICY`, and opens `path` in it; `await using` closes browser and server. */
export function openFolder(folder: string, path: string): Promise<OpenPage> {
  const answer = (name: string): Answer => {
    const file = join(folder, name);
    if (!existsSync(file)) return null;
    return [extname(file) === '.html' ? 'text/html' : SCRIPT, readFileSync(file)];
  };
  return open(answer, { ...ISOLATION, 'Content-Security-Policy': POLICY }, path);
}

async function open(
  answer: (path: string) => Answer,
  headers: Readonly<Record<string, string>>,
  path: string,
): Promise<OpenPage> {
  const server = createServer((request, response) => {
    const [type, body] = answer(request.url ?? '/') ?? ['text/plain', ''];
    response.writeHead(body ? 200 : 404, { 'Content-Type': type, ...headers }).end(body);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  let browser: Browser | null = null;
  try {
    // However busy the machine is, it may take its time: the runner ends what hangs.
    browser = await chromium.launch({ executablePath: chromiumPath, args: FLAGS, timeout: 0 });
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    const lines: string[] = [];
    page.on('console', (message) => lines.push(message.text()));
    page.on('pageerror', (error) => lines.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    return {
      page,
      console: lines,
      async [Symbol.asyncDispose]() {
        await browser?.close();
        server.close();
      },
    };
  } catch (error) {
    await browser?.close();
    server.close();
    throw error;
  }
}
