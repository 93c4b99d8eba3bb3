/** What installing the packed package brings: its size, and what happens where an optional package is missing. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { everyFile, installPackage, megabytes, project, readme, run } from './project.ts';

/** What the script, a module in the project, writes to stderr as it fails. */
function failure(script: string): string {
  const { status, output } = run(process.execPath, ['--input-type=module', '--eval', script]);
  assert.is(status, 1, output);
  return output;
}

const test = suite('install');
const [, overrides] = readme.match(/```json\n(.*?)```/s) ?? [];
assert.ok(overrides, 'the README shows no overrides');
if (installPackage('app', JSON.parse(overrides))) {
  test("takes 10 MB with the README's overrides, and holds no native code", () => {
    const files = everyFile(join(project, 'node_modules'));
    const size = megabytes(files);
    console.log(`${size.toFixed(1)} MB`);
    assert.ok(size < 9, `${size} MB`);
    assert.equal(
      files.filter((path) => path.endsWith('.node')),
      [],
    );
  });

  test('says what to install for WebGPU in Node', () => {
    const output = failure("import { init } from 'gradiograph'; await init({ device: 'webgpu' });");
    assert.match(output, /DeviceError: .*'webgpu'.*not installed \(npm install webgpu@\^0\.6\)/);
  });

  test('says what to install for a report', () => {
    const output = failure(
      "import { writeReport } from 'gradiograph/node'; await writeReport('report.html', {});",
    );
    assert.match(output, /GradiographError: writeReport: .*npm install @observablehq\/plot linkedom/);
  });

  test('has no link or picture in its README that npm, which knows no paths of the checkout, cannot follow', () => {
    const links = [...readme.matchAll(/\]\((.*?)\)/g)].map(([, link]) => link);
    assert.ok(links.length > 0);
    for (const link of links) {
      const [, own] = link.match(/^https:\/\/unpkg\.com\/gradiograph\/(.*)$/) ?? [];
      if (own)
        assert.ok(existsSync(join(project, 'node_modules/gradiograph', own)), `${own} is not published`);
      else assert.match(link, /^(https:\/\/|#)/);
    }
  });
}
test.run();
