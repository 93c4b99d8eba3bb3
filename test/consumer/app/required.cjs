// Every entry by require(): it gives what import gives, and computes.
const { readFileSync } = require('node:fs');
const { exports: entries } = JSON.parse(readFileSync('node_modules/gradiograph/package.json', 'utf8'));

async function main() {
  const differing = [];
  for (const entry of Object.keys(entries)) {
    const name = `gradiograph${entry.slice(1)}`;
    const [required, imported] = [require(name), await import(name)];
    for (const key of Object.keys(imported))
      if (required[key] !== imported[key]) differing.push(`${name}: ${key}`);
  }
  const { init, tensor } = require('gradiograph');
  const device = await init({ device: 'wasm', threads: 1 });
  const x = tensor([1, 2], { requiresGrad: true });
  x.mul(x).sum().backward();
  console.log(JSON.stringify({ differing, gradient: [...(await x.grad.data())] }));
  await device.dispose();
}
main();
