/** The chart of RESULTS.md: GFLOPS of every contestant, networks above, kernels below. */
import { flops, nameOf, type Player } from './match.ts';
import { load } from './serve.ts';
import type { Task } from './task.ts';

interface Chart {
  setOption(option: object): void;
  renderToSVGString(): string;
  dispose(): void;
}

interface Echarts {
  init(element: null, theme: null, options: object): Chart;
}

const WIDTH = 1000;
const BAR = 9;
const COLOURS = ['#c1121f', '#003049', '#457b9d', '#7fb7d3', '#f4a261', '#e9c46a', '#6a994e', '#9d9d9d'];

/** Bars on a logarithmic axis, one group a task; a contestant that did not do a task has no bar there. */
export async function drawChart(tasks: readonly Task[], players: readonly Player[]): Promise<string> {
  const echarts = await load<Echarts>('echarts');
  const present = players.filter(({ hello }) => typeof hello !== 'string');
  const ordered = [...tasks].sort((a, b) => Number(b.kind === 'network') - Number(a.kind === 'network'));
  const values = present.flatMap((player) => ordered.map((task) => gflops(player, task) ?? Infinity));
  const least = 10 ** Math.floor(Math.log10(Math.min(1, ...values)));
  const height = 100 + ordered.length * (present.length * BAR + 14);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    color: COLOURS,
    title: {
      text: 'GFLOPS, on a logarithmic axis: longer is faster',
      left: 10,
      top: 8,
      textStyle: { fontSize: 15 },
    },
    legend: { top: 34, left: 10, data: present.map(({ name }) => name) },
    grid: { left: 290, right: 40, top: 70, bottom: 30 },
    xAxis: { type: 'log', min: least, startValue: least, position: 'top' },
    yAxis: { type: 'category', inverse: true, data: ordered.map(nameOf), axisTick: { show: false } },
    series: present.map((player) => ({
      name: player.name,
      type: 'bar',
      barWidth: BAR - 1,
      barGap: '12%',
      data: ordered.map((task) => gflops(player, task)),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function gflops(player: Player, task: Task): number | null {
  const outcome = player.outcomes.get(task);
  return outcome && 'sample' in outcome ? flops(task) / outcome.sample.median / 1e6 : null;
}
