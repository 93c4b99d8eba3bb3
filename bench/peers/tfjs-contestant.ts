/** TensorFlow.js as a contestant, on any of its backends. */
import { Cannot, type Contestant, type Opened } from './stage.ts';
import type { TaskWithModel } from './task.ts';
import type { Tf, TfTensor } from './tfjs-api.ts';
import { openTfKernel } from './tfjs-kernels.ts';
import { openTfNetwork } from './tfjs-networks.ts';

/** @throws Error where tfjs has no such backend here */
export async function tfjs(tf: Tf, backend: string, detail: string): Promise<Contestant> {
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs: no ${backend} backend`);
  return {
    version: tf.version_core,
    detail,
    async open(task) {
      const opened = await open(tf, task).catch(explain);
      return { ...opened, run: () => opened.run().catch(explain) };
    },
  };
}

/** tfjs: "Kernel 'Conv2DBackpropFilter' not registered for backend 'wasm'" */
function explain(error: Error): never {
  const missing = /'(\w+)' not registered/.exec(error.message);
  throw missing ? new Cannot(`no gradient (no ${missing[1]})`) : error;
}

async function open(tf: Tf, task: TaskWithModel): Promise<Opened> {
  if (task.kind === 'network') return { run: openTfNetwork(tf, task) };
  const kernel = openTfKernel(tf, task);
  let last: TfTensor | null = null;
  return {
    async run() {
      last?.dispose();
      last = await kernel.run();
    },
    async result() {
      if (!last) throw new Error('no run yet');
      return kernel.values(last);
    },
    close() {
      last?.dispose();
      kernel.close();
    },
  };
}
