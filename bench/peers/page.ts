/** The contestants that need a page: ours on WebGL2 and TensorFlow.js on WebGL, which the page finds as the global `tf`. */
import { init } from '../../lib/index.ts';
import { ours } from './ours.ts';
import { Stage } from './stage.ts';
import type { Hello, Reply, Request } from './task.ts';
import type { Tf } from './tfjs-api.ts';
import { tfjs } from './tfjs-contestant.ts';

declare global {
  interface Window {
    enter(name: string, browser: string): Promise<Hello>;
    answer(request: Request): Promise<Reply>;
    tf: Tf;
  }
}

let stage: Stage;
window.enter = async (name, browser) => {
  stage = new Stage(
    name === 'tfjs'
      ? await tfjs(window.tf, 'webgl', `webgl, ${rendererName()}; ${browser}`)
      : ours(await init({ device: 'webgl2' }), browser),
    () => null,
  );
  return stage.hello;
};
window.answer = (request) => stage.answer(request);

function rendererName(): string {
  const gl = document.createElement('canvas').getContext('webgl2');
  const info = gl?.getExtension('WEBGL_debug_renderer_info');
  return gl && info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : 'renderer unknown';
}
