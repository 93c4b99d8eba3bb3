/** The chart of RESULTS.md: a row for each task, a mark for each contestant that did it, further right the faster. */
import { type Contestant, cellOf, gflopsOf, isMeasured, type MatchRecord, type Row } from './record.ts';
import { load } from './serve.ts';
import { flops, nameOf } from './task.ts';

interface Chart {
  setOption(option: object): void;
  renderToSVGString(): string;
  dispose(): void;
}

interface Echarts {
  init(element: null, theme: null, options: object): Chart;
}

const WIDTH = 1000;
const LEFT = 275;
const RIGHT = 150;
const TOP = 150;
const ROW = 23;
const INK = '#222222';

interface Mark {
  readonly color: string;
  readonly symbol: string;
  readonly size: number;
  readonly hollow?: boolean;
}

/** By the beginning of a contestant's name. */
const MARKS: Readonly<Record<string, Mark>> = {
  'gradiograph, Node 20': { color: '#c1121f', symbol: 'circle', size: 13 },
  'gradiograph, Node': { color: '#780000', symbol: 'circle', size: 13 },
  PyTorch: { color: '#003049', symbol: 'diamond', size: 14 },
  'onnxruntime-node': { color: '#457b9d', symbol: 'rect', size: 10 },
  'onnxruntime-web': { color: '#2a9d8f', symbol: 'rect', size: 10 },
  'tfjs-wasm': { color: '#e76f00', symbol: 'triangle', size: 11 },
  'jax-js': { color: '#6a994e', symbol: 'diamond', size: 12 },
  'gpu.js': { color: '#8d6cab', symbol: 'triangle', size: 11 },
  'tfjs-cpu': { color: '#b08968', symbol: 'rect', size: 9 },
  'gradiograph webgl2': { color: '#c1121f', symbol: 'circle', size: 11, hollow: true },
  'tfjs-webgl': { color: '#e76f00', symbol: 'triangle', size: 11, hollow: true },
};
const OTHER_MARK: Mark = { color: '#777777', symbol: 'pin', size: 11 };

export async function drawChart(record: MatchRecord): Promise<string> {
  const echarts = await load<Echarts>('echarts');
  const present = record.contestants.filter(({ hello }) => typeof hello !== 'string');
  const lines = chartLines(record.rows);
  const height = TOP + lines.length * ROW + 40;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  const speeds = lines.flatMap(({ row }) =>
    row ? present.flatMap(({ name }) => gflopsOf(row, name) ?? []) : [],
  );
  const category = { type: 'category', inverse: true, axisTick: { show: false }, axisLine: { show: false } };
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: [
      { text: 'GFLOPS: further right is faster', left: 12, top: 8, textStyle: { fontSize: 18, color: INK } },
      {
        text: `${record.conditions.machine}, ${record.conditions.threads} threads; logarithmic axis; no mark: cannot do it, or not in its time`,
        left: 12,
        top: 34,
        textStyle: { fontSize: 13, fontWeight: 'normal', color: '#555555' },
      },
      columnTitle('ours to\nPyTorch', WIDTH - RIGHT + 75),
      columnTitle('to the best\nJavaScript', WIDTH - RIGHT + 140),
    ],
    legend: {
      top: 62,
      left: 8,
      width: WIDTH - 30,
      itemGap: 14,
      itemWidth: 14,
      itemHeight: 12,
      textStyle: { fontSize: 13, color: INK },
      data: present.map(({ name }) => ({ name, itemStyle: styleOf(name) })),
    },
    grid: { left: LEFT, right: RIGHT, top: TOP, bottom: 30 },
    xAxis: {
      type: 'log',
      position: 'top',
      min: 10 ** Math.floor(Math.log10(Math.min(...speeds, 1))),
      max: 1.3 * Math.max(...speeds, 10),
      axisLabel: { fontSize: 13, color: INK, showMaxLabel: false },
      splitLine: { show: true, lineStyle: { color: '#dddddd' } },
    },
    yAxis: [
      {
        ...category,
        data: lines.map(({ label }) => label),
        axisLabel: { fontSize: 13, color: INK, interval: 0 },
        splitLine: { show: true, interval: 0, lineStyle: { color: '#eeeeee' } },
      },
      {
        ...category,
        position: 'right',
        data: lines.map(({ row }) => (row ? ratios(record, row) : '')),
        axisLabel: {
          interval: 0,
          margin: 10,
          rich: { own: { width: 65, align: 'right', fontSize: 13, color: INK } },
        },
      },
    ],
    series: [...present.map((one) => marksOf(one, lines)), { type: 'scatter', yAxisIndex: 1, data: [] }],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

interface Line {
  readonly label: string;
  readonly row?: Row;
}

/** Networks above, kernels below, an empty line between; what memory bounds has no operations to count. */
function chartLines(rows: readonly Row[]): Line[] {
  const of = (kind: Row['task']['kind']): Line[] =>
    rows
      .filter(({ task }) => task.kind === kind && flops(task) > 0)
      .map((row) => ({ label: nameOf(row.task), row }));
  const [networks, kernels] = [of('network'), of('kernel')];
  return networks.length && kernels.length
    ? [...networks, { label: '' }, ...kernels]
    : [...networks, ...kernels];
}

const markOf = (name: string): Mark => {
  const known = Object.keys(MARKS).find((start) => name.startsWith(start));
  return known ? MARKS[known] : OTHER_MARK;
};

function styleOf(name: string): object {
  const { color, hollow } = markOf(name);
  return hollow ? { color: '#ffffff', borderColor: color, borderWidth: 2 } : { color };
}

function marksOf({ name }: Contestant, lines: readonly Line[]): object {
  const { symbol, size } = markOf(name);
  const data = lines.flatMap(({ row }, i) => {
    const gflops = row ? gflopsOf(row, name) : null;
    return gflops === null ? [] : [[gflops, i]];
  });
  const z = name.startsWith('gradiograph') ? 4 : 3;
  return {
    name,
    type: 'scatter',
    symbol,
    symbolSize: size,
    itemStyle: { opacity: 0.9, ...styleOf(name) },
    z,
    data,
  };
}

/** @param end of its lines, from the left */
function columnTitle(text: string, end: number): object {
  return {
    text,
    left: end,
    top: TOP - 40,
    textAlign: 'right',
    textStyle: { fontSize: 12, lineHeight: 15, fontWeight: 'normal', color: '#555555' },
  };
}

/** How many times faster ours is, on the engine of the first column, than PyTorch and than the fastest other in JavaScript. */
function ratios({ contestants }: MatchRecord, row: Row): string {
  const machine = contestants.filter(({ place }) => place === 'machine');
  const speed = (name: string): number => (isMeasured(cellOf(row, name)) ? (gflopsOf(row, name) ?? 0) : 0);
  const ours = speed(machine[0].name);
  const others = machine.filter(({ name }) => !/^(gradiograph|PyTorch|onnxruntime-node)/.test(name));
  const times = (theirs: number) =>
    ours > 0 && theirs > 0 ? `${(ours / theirs).toFixed(ours < 10 * theirs ? 1 : 0)}x` : '-';
  return `{own|${times(speed('PyTorch'))}}{own|${times(Math.max(...others.map(({ name }) => speed(name))))}}`;
}
