import { init, nn } from 'gradiograph';
import { loadWeights, saveWeights } from 'gradiograph/node';

const device = await init({ device: 'wasm', threads: 1 });
const layer = new nn.Linear(2, 3);
await saveWeights('layer.safetensors', layer.stateDict());
layer.loadStateDict(await loadWeights('layer.safetensors'), { strict: true });
console.log([...layer.namedParameters().keys()].join());
await device.dispose();
