import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DownloadError, FormatError } from '../../lib/errors.ts';
import { fetchWeights } from '../../lib/serialize/pretrained.ts';

const content = Buffer.alloc(100_000, 'weights');
const hash = createHash('sha256').update(content).digest('hex').slice(0, 8);
const name = `tiny-${hash}.pth`;

let server: Server;
let cacheDir: string;
let requests: (string | undefined)[];
let breakAfter: number;

const bytesOnDisk = () =>
  readdirSync(cacheDir).reduce((sum, file) => sum + statSync(join(cacheDir, file)).size, 0);

test.before.each(async () => {
  requests = [];
  breakAfter = Number.POSITIVE_INFINITY;
  cacheDir = mkdtempSync(join(tmpdir(), 'gradiograph-'));
  server = createServer((request, response) => {
    requests.push(request.headers.range);
    if (!request.url?.endsWith('.pth')) return response.writeHead(404).end();
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const body = content.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': body.length });
    if (breakAfter >= body.length) return response.end(body);
    response.write(body.subarray(0, breakAfter));
    const waiting = setInterval(() => {
      if (bytesOnDisk() < breakAfter) return;
      clearInterval(waiting);
      response.destroy();
    }, 5);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

test.after.each(async () => {
  rmSync(cacheDir, { recursive: true });
  await new Promise((resolve) => server.close(resolve));
});

const baseUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

test('a file is fetched once, with progress, and then comes from the cache', async () => {
  const progress: [number, number][] = [];
  const onProgress = (received: number, total: number) => progress.push([received, total]);
  const path = await fetchWeights(name, { cacheDir, baseUrl: baseUrl(), onProgress });
  assert.equal(readFileSync(path), content);
  assert.equal(progress.at(-1), [content.length, content.length]);
  assert.is(await fetchWeights(name, { cacheDir, baseUrl: baseUrl() }), path);
  assert.is(requests.length, 1);
});

test('a broken download goes on where it stopped', async () => {
  breakAfter = 40_000;
  const error = await fetchWeights(name, { cacheDir, baseUrl: baseUrl() }).catch((error: unknown) => error);
  assert.instance(error, DownloadError);
  assert.not(existsSync(join(cacheDir, name)));
  breakAfter = Number.POSITIVE_INFINITY;
  const path = await fetchWeights(name, { cacheDir, baseUrl: baseUrl() });
  assert.equal(readFileSync(path), content);
  assert.equal(requests, [undefined, 'bytes=40000-']);
});

test('a file with another hash than its name says is refused and removed', async () => {
  const other = 'tiny-00000000.pth';
  const error = await fetchWeights(other, { cacheDir, baseUrl: baseUrl() }).catch((error: unknown) => error);
  assert.instance(error, FormatError);
  assert.not(existsSync(join(cacheDir, other)));
  writeFileSync(join(cacheDir, name), 'not the weights');
  const cached = await fetchWeights(name, { cacheDir, baseUrl: baseUrl() }).catch((error: unknown) => error);
  assert.instance(cached, FormatError);
});

test('offline, the message says which file to fetch and where to put it', async () => {
  const error = await fetchWeights(name, { cacheDir, baseUrl: 'http://127.0.0.1:1/' }).catch(
    (error) => error,
  );
  assert.instance(error, DownloadError);
  assert.ok(error.message.includes(`fetch http://127.0.0.1:1/${name} and put it at ${join(cacheDir, name)}`));
});

test.run();
