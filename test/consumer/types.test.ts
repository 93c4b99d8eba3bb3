/** The packed package's declarations, read by the least compiler that the README names and by the current ones. */
import { suite } from 'uvu';
import { compile, installPackage, provideTools } from './project.ts';

const COMPILERS = ['typescript-5', 'typescript-6', 'typescript-7'];
/** How a project finds modules: as Node does, or as bundlers do. */
const RESOLUTIONS = [{ module: 'nodenext' }, { module: 'esnext', moduleResolution: 'bundler' }];

const test = suite('types');
if (provideTools() && installPackage('types')) {
  for (const compiler of COMPILERS) {
    for (const resolution of RESOLUTIONS) {
      const what = `${compiler}, ${Object.values(resolution).join(', ')}`;
      test(`type-checks strictly with lib es2022, without DOM and Node's types: ${what}`, () => {
        compile(['core.ts'], { ...resolution, lib: ['es2022'] }, compiler);
      });
    }
    test(`gradiograph/node type-checks strictly with lib es2022 and Node's types: ${compiler}`, () => {
      compile(['files.ts'], { module: 'nodenext', lib: ['es2022'], types: ['node'] }, compiler);
    });
  }
}
test.run();
