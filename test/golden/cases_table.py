"""The op cases: rows of (op, title, inputs, arguments, flags), in this library's names, which are PyTorch's in
camelCase. Inputs keep clear of kinks by construction, so that finite differences hold; `smooth=False` says that a
row sits on one on purpose, or has no values to move."""

from itertools import combinations

import numpy as np

from hashed import hashed

TABLE = []


def case(op, title, inputs, smooth=True, **args):
    TABLE.append((op, title, inputs, args, {'smooth': smooth}))


def special(op, title, inputs, **args):
    case(op, title, inputs, smooth=False, **args)


class Input:
    """An input of `shape`: differentiable unless marked `.fixed()`."""

    def __init__(self, shape, low=-1.0, high=1.0):
        self.shape, self.low, self.high, self.differentiable = shape, low, high, True

    def fixed(self):
        self.differentiable = False
        return self

    @property
    def length(self):
        return int(np.prod(self.shape))

    def make(self, seed):
        return hashed(self.length, seed, self.low, self.high)

    def describe(self, seed, encode):
        return {'hash': [seed, self.low, self.high]}


class Recorded(Input):
    """An input whose values stand in the file."""

    def __init__(self, shape, values):
        super().__init__(shape)
        self.values = values

    def make(self, seed):
        return np.asarray(self.values(seed) if callable(self.values) else self.values, dtype=np.float32).reshape(-1)

    def describe(self, seed, encode):
        return {'data': encode(self.make(seed))}


def x(*shape, low=-1.0, high=1.0):
    return Input(shape, low, high)


def positive(*shape):
    return Input(shape, 0.5, 2.0)


def away(*shape, gap=0.5):
    """Of both signs, at least `gap` from zero."""

    def values(seed):
        raw = hashed(int(np.prod(shape)), seed)
        return raw + gap * np.sign(raw)

    return Recorded(shape, values)


def distinct(*shape, shift=0.0):
    """A permutation of numbers 0.05 apart around `shift`, none nearer to it than 0.025."""

    def values(seed):
        length = int(np.prod(shape))
        order = np.argsort(hashed(length, seed), kind='stable')
        return (order - length // 2 + 0.5) * 0.05 + shift

    return Recorded(shape, values)


def given(values):
    values = np.asarray(values, dtype=np.float32)
    return Recorded(values.shape, values)


def classes(*shape, count):
    return Recorded(shape, lambda seed: np.floor(hashed(int(np.prod(shape)), seed, 0, count))).fixed()


# Elementwise, one input
for op in ['abs', 'relu', 'sign', 'reciprocal']:
    case(op, 'both signs', [away(3, 5)])
for op in ['exp', 'sigmoid', 'tanh', 'neg', 'softplus', 'square']:
    case(op, 'both signs', [x(3, 5, low=-3, high=3)])
for op in ['log', 'sqrt']:
    case(op, 'positive', [positive(3, 5)])
for op in ['relu', 'abs', 'sigmoid']:
    case(op, 'scalar', [away()])
case('relu', 'zeros', [given([-1, 0, 0, 2])], smooth=False)
case('abs', 'zeros', [given([-1, 0, 0, 2])], smooth=False)
case('sigmoid', 'far out', [given([-100, -30, 30, 100])])
case('tanh', 'far out', [given([-100, -20, 20, 100])])
case('softplus', 'far out', [given([-100, -15, 15, 100])])
case('tanh', 'near zero', [given([-1e-3, -1e-5, 1e-6, 2e-4])])
case('exp', 'wide range', [given([-80, -10, -1, 0, 1, 5])])
case('log', 'wide range', [given([1e-3, 0.5, 1, 7, 1e4, 1e30])], smooth=False)
case('relu', '1023 values', [away(1023)])
case('leakyRelu', 'default slope', [away(3, 5)])
case('leakyRelu', 'slope 0.2', [away(2, 3, 3)], negativeSlope=0.2)
case('clamp', 'both sides', [distinct(4, 5)], min=-0.25, max=0.3)
case('clamp', 'below', [distinct(4, 5)], min=-0.1)
case('clamp', 'above', [distinct(4, 5)], max=0.2)
case('clamp', 'at the bounds', [given([-1, -0.5, 0, 0.5, 1])], smooth=False, min=-0.5, max=0.5)

# Elementwise, with a number
for op in ['addScalar', 'subScalar', 'mulScalar', 'divScalar']:
    case(op, '2.5', [x(3, 4)], value=2.5)
for value in [2, 3, 0.5, -1.5, 1, 0]:
    case('powScalar', f'to the {value}', [positive(3, 4)], value=value)
for value in [2, 3]:
    case('powScalar', f'both signs to the {value}', [away(3, 4)], value=value)

# Elementwise, two inputs
BROADCASTS = {
    'same shape': ((3, 4), (3, 4)),
    'scalar right': ((3, 4), ()),
    'scalar left': ((), (3, 4)),
    'one value right': ((3, 4), (1,)),
    'row': ((3, 4), (4,)),
    'row left': ((4,), (3, 4)),
    'column': ((3, 4), (3, 1)),
    'both sides': ((3, 1), (1, 4)),
    'both sides, ranks differ': ((2, 1, 4), (3, 1)),
    'four axes, alternating': ((2, 1, 3, 1), (5, 1, 4)),
    'channels': ((2, 5, 3, 2), (1, 5, 1, 1)),
    'batch': ((4, 3, 2), (4, 1, 1)),
    'middle axis': ((2, 3, 4), (2, 1, 4)),
    'two scalars': ((), ()),
    'six axes': ((2, 1, 2, 1, 3, 1), (1, 3, 1, 2, 1, 2)),
}
for op in ['sub', 'div']:
    for title, (a, b) in BROADCASTS.items():
        case(op, title, [x(*a), away(*b)])
for op in ['add', 'mul']:
    for title in ['same shape', 'scalar right', 'channels', 'both sides']:
        a, b = BROADCASTS[title]
        case(op, title, [x(*a), x(*b)])
for title in ['same shape', 'row', 'both sides']:
    a, b = BROADCASTS[title]
    case('pow', title, [positive(*a), x(*b, low=-2, high=2)])
    for op in ['maximum', 'minimum']:
        case(op, title, [distinct(*a), distinct(*b, shift=0.025)])
for op in ['eq', 'ne', 'gt', 'ge', 'lt', 'le']:
    case(op, 'some equal', [classes(5, 4, count=3), classes(4, count=3)])
case('where', 'same shape', [classes(3, 4, count=2), x(3, 4), x(3, 4)])
case('where', 'broadcast condition', [classes(3, 1, count=2), x(2, 1, 4), x(3, 4)])
case('where', 'broadcast value', [classes(2, 3, 4, count=2), x(2, 3, 4), x()])
case('sharedInput', 'used four times', [x(3, 4), x(4)])

ties = lambda *shape: Recorded(shape, lambda seed: np.floor(hashed(int(np.prod(shape)), seed, 0, 3)))
for op in ['maximum', 'minimum']:
    case(op, 'equal values share the gradient', [ties(4, 5), ties(5)], smooth=False)
zeros_and_others = [[0, 0, 2, 3], [2, 0, 0, 1.5]]
case('pow', 'zero base, zero exponent', [given(v) for v in zeros_and_others], smooth=False)

# Reductions
for count in range(1, 4):
    for axes in combinations(range(3), count):
        for keepdim in [False, True]:
            suffix = ', keepdim' if keepdim else ''
            case('sum', f'axes {list(axes)}{suffix}', [x(2, 3, 5)], dim=list(axes), keepdim=keepdim)
for op, make in [('sum', x), ('mean', x), ('max', distinct), ('min', distinct)]:
    case(op, 'all', [make(3, 5)])
    case(op, 'a scalar', [make()])
    case(op, 'negative axis', [make(2, 3, 5)], dim=-1, keepdim=False)
    case(op, 'middle axis, keepdim', [make(2, 3, 5)], dim=1, keepdim=True)
    case(op, 'axis of one', [make(3, 1, 4)], dim=1, keepdim=False)
for op, make in [('mean', x), ('max', distinct), ('min', distinct)]:
    case(op, 'outer and inner axes', [make(2, 3, 5)], dim=[0, 2], keepdim=False)
    case(op, 'negative axes, keepdim', [make(2, 3, 4, 2)], dim=[-1, -3], keepdim=True)
case('sum', 'alternating axes of five', [x(2, 3, 2, 3, 2)], dim=[0, 2, 4], keepdim=False)
case('sum', 'long rows', [x(3, 1500)], dim=1, keepdim=False)
case('sum', 'long columns', [x(1500, 3)], dim=0, keepdim=False)
case('mean', 'images to channels', [x(4, 5, 9, 7)], dim=[0, 2, 3], keepdim=False)
case('sum', '5000 values around 10', [x(5000, low=9, high=11).fixed()])
for op in ['max', 'min']:
    case(op, 'equal values share the gradient', [ties(4, 5)], smooth=False, dim=1, keepdim=False)
    case(op, 'equal values share the gradient, all', [ties(4, 5)], smooth=False)
for unbiased in [True, False]:
    case('var', f'unbiased {unbiased}', [x(3, 7)], dim=1, unbiased=unbiased, keepdim=False)
case('var', 'outer and inner axes, keepdim', [x(3, 2, 5)], dim=[0, 2], unbiased=True, keepdim=True)
case('var', 'mean far from zero', [x(6, 50, low=99, high=101)], dim=1, unbiased=True, keepdim=False)
case('std', 'one axis', [x(3, 7)], dim=1, unbiased=True, keepdim=False)
case('std', 'one value in each column', [given([[0.3921, -0.1612, 1.397]] * 3)], smooth=False, dim=0, unbiased=True, keepdim=False)
case('argmax', 'all', [distinct(4, 6).fixed()])
for dim in [0, 1, -1]:
    case('argmax', f'axis {dim}', [distinct(3, 4, 5).fixed()], dim=dim, keepdim=False)
case('argmax', 'keepdim', [distinct(3, 4).fixed()], dim=1, keepdim=True)
case('argmax', 'equals, the first', [given([[1, 3, 3], [2, 2, 2], [-1, -5, -1]]).fixed()], dim=1, keepdim=False)

# Shapes
case('reshape', 'to two axes', [x(2, 3, 4)], shape=[6, 4])
case('reshape', 'one size left open', [x(2, 3, 4)], shape=[4, -1])
case('flatten', 'all', [x(2, 3, 4)])
case('flatten', 'from axis 1', [x(2, 3, 4, 2)], startDim=1)
case('flatten', 'axes 1 to 2', [x(2, 3, 4, 2)], startDim=1, endDim=2)
case('transpose', 'matrix', [x(3, 5)], dim0=0, dim1=1)
case('transpose', 'square', [x(5, 5)], dim0=0, dim1=1)
case('transpose', 'negative axes', [x(2, 3, 5)], dim0=-1, dim1=-2)
case('transpose', 'outer and inner', [x(2, 3, 5)], dim0=0, dim1=2)
case('permute', 'three axes', [x(2, 3, 5)], dims=[2, 0, 1])
case('permute', 'NCHW to NHWC', [x(2, 3, 4, 5)], dims=[0, 2, 3, 1])
case('permute', 'negative axes', [x(2, 3, 4, 5)], dims=[-1, 0, -3, 2])
case('permute', 'axes of one', [x(1, 3, 1, 5)], dims=[2, 3, 0, 1])
case('slice', 'rows', [x(5, 4)], dim=0, start=1, end=3)
case('slice', 'negative ends', [x(5, 6)], dim=1, start=-4, end=-1)
case('slice', 'step 2', [x(3, 7)], dim=1, start=0, end=7, step=2)
case('slice', 'step 3 that leaves a rest', [x(2, 8, 3)], dim=1, start=1, end=7, step=3)
case('slice', 'past the end', [x(4, 3)], dim=0, start=2, end=99)
case('slice', 'negative axis', [x(2, 3, 6)], dim=-1, start=2, end=5)
case('slice', 'one row', [x(4, 3)], dim=0, start=3, end=4)
for dim in [0, 1, 2, -1]:
    shapes = [[2, 3, 4], [2, 3, 4], [2, 3, 4]]
    for i, shape in enumerate(shapes):
        shape[dim] = i + 1
    case('cat', f'three along axis {dim}', [x(*shape) for shape in shapes], dim=dim)
case('cat', 'channels of images', [x(2, 3, 4, 5), x(2, 5, 4, 5)], dim=1)
case('cat', 'one alone', [x(2, 3)], dim=0)
case('cat', 'seven', [x(2, n, 3) for n in range(1, 8)], dim=1)
for dim in [0, 1, -1]:
    case('stack', f'axis {dim}', [x(2, 3), x(2, 3), x(2, 3)], dim=dim)
case('stack', 'scalars', [x(), x()], dim=0)
case('pad', 'last axis', [x(2, 3)], padding=[1, 2])
case('pad', 'image', [x(2, 3, 4, 5)], padding=[1, 0, 2, 3])
case('pad', 'value', [x(2, 3)], padding=[0, 1, 2, 0], value=-1.5)
case('pad', 'three axes', [x(2, 1, 3)], padding=[1, 1, 0, 2, 1, 0])
case('pad', 'nothing', [x(2, 3)], padding=[0, 0])

case('pad', 'negative numbers cut', [x(3, 6)], padding=[-1, 2, 1, -1])
case('expand', 'row', [x(1, 4)], shape=[3, 4])
case('expand', 'column, a new axis, a size kept', [x(3, 1)], shape=[2, -1, 4])
case('squeeze', 'all', [x(1, 3, 1, 2)])
case('squeeze', 'one axis', [x(1, 3, 1, 2)], dim=2)
case('squeeze', 'an axis that is not one', [x(1, 3)], dim=1)
for dim in [0, 1, -1]:
    case('unsqueeze', f'axis {dim}', [x(3, 2)], dim=dim)
case('select', 'a row', [x(4, 3)], dim=0, index=2)
case('select', 'from the end', [x(2, 4, 3)], dim=1, index=-1)
case('secondChunk', 'of three, the last smaller', [x(2, 8)], chunks=3, dim=1)
case('catTwice', 'one input at both ends', [x(2, 3), x(2, 2)], dim=1)

# Matrix products
MATMULS = {
    'matrices': ((3, 4), (4, 5)),
    'one value': ((1, 1), (1, 1)),
    'inner size one': ((3, 1), (1, 5)),
    'vectors': ((6,), (6,)),
    'matrix and vector': ((3, 4), (4,)),
    'vector and matrix': ((4,), (4, 3)),
    'batch and vector': ((2, 3, 4), (4,)),
    'vector and batch': ((4,), (2, 4, 3)),
    'batches': ((3, 2, 4), (3, 4, 5)),
    'shared right': ((3, 2, 4), (4, 5)),
    'shared left': ((2, 4), (3, 4, 5)),
    'batch of one': ((1, 2, 4), (3, 4, 5)),
    'batch axes broadcast': ((2, 1, 3, 4), (5, 4, 2)),
    'batch axes broadcast on both sides': ((2, 1, 3, 4), (1, 3, 4, 2)),
    'odd sizes': ((17, 19), (19, 23)),
    'long inner axis': ((5, 300), (300, 7)),
    'across tiles': ((37, 35), (35, 67)),
    'square': ((6, 6), (6, 6)),
    'square batches': ((2, 5, 5), (2, 5, 5)),
    'one row': ((1, 33), (33, 20)),
    'one column': ((20, 33), (33, 1)),
}
for title, (a, b) in MATMULS.items():
    case('matmul', title, [x(*a), x(*b)])
case('linear', 'matrix', [x(5, 7), x(3, 7), x(3)])
case('linear', 'no bias', [x(5, 7), x(3, 7), None])
case('linear', 'one sample, one output', [x(1, 9), x(1, 9), x(1)])
case('linear', 'three axes', [x(2, 3, 5), x(4, 5), x(4)])
case('linear', 'a vector', [x(6), x(3, 6), x(3)])
case('linear', 'square', [x(6, 6), x(6, 6), x(6)])
case('linear', 'odd sizes', [x(9, 65), x(33, 65), x(33)])

case('transposedMatmul', 'both transposed', [x(5, 3), x(7, 5)])
case('transposedMatmul', 'square', [x(4, 4), x(4, 4)])
case('transposedMatmul', 'both transposed, batches', [x(2, 5, 3), x(2, 7, 5)])

# Convolutions: input, weight, bias or None
CONVS = {
    '3x3, padding 1': ((2, 3, 8, 8), (4, 3, 3, 3), dict(padding=1)),
    '3x3, no padding': ((2, 4, 7, 9), (8, 4, 3, 3), {}),
    '3x3, padding 2': ((1, 4, 5, 6), (4, 4, 3, 3), dict(padding=2)),
    '3x3, padding 3': ((1, 2, 4, 4), (3, 2, 3, 3), dict(padding=3)),
    '1x1 image, 3x3 kernel': ((2, 3, 1, 1), (4, 3, 3, 3), dict(padding=1)),
    '1x1 image, 1x1 kernel': ((3, 5, 1, 1), (2, 5, 1, 1), {}),
    '1x1 kernel': ((2, 5, 6, 7), (3, 5, 1, 1), {}),
    '1x1 kernel, stride 2': ((2, 6, 7, 5), (9, 6, 1, 1), dict(stride=2)),
    '1x1 kernel, padding 1': ((1, 3, 3, 4), (2, 3, 1, 1), dict(padding=1)),
    '1x1 kernel, padding beyond kernel, stride 3': ((1, 2, 4, 4), (2, 2, 1, 1), dict(padding=2, stride=3)),
    '7x7, stride 2, padding 3': ((1, 3, 17, 19), (8, 3, 7, 7), dict(stride=2, padding=3)),
    '2x2, stride 3': ((2, 3, 8, 8), (4, 3, 2, 2), dict(stride=3)),
    '1x2, stride 3x4': ((1, 2, 8, 11), (3, 2, 1, 2), dict(stride=[3, 4])),
    '3x3, stride 2': ((2, 3, 8, 8), (5, 3, 3, 3), dict(stride=2)),
    '3x3, stride 2, padding 1': ((2, 5, 9, 8), (6, 5, 3, 3), dict(stride=2, padding=1)),
    '3x3, stride 2x1': ((1, 3, 7, 6), (4, 3, 3, 3), dict(stride=[2, 1], padding=1)),
    '3x3, stride 1x3': ((1, 3, 6, 11), (4, 3, 3, 3), dict(stride=[1, 3], padding=[0, 1])),
    '1x5': ((2, 2, 3, 9), (3, 2, 1, 5), dict(padding=[0, 2])),
    '5x1': ((2, 2, 9, 3), (3, 2, 5, 1), dict(padding=[2, 0])),
    '2x3, padding 2x1': ((1, 3, 6, 5), (4, 3, 2, 3), dict(padding=[2, 1])),
    '2x2': ((1, 4, 5, 5), (4, 4, 2, 2), {}),
    '4x4, stride 2, padding 1': ((1, 3, 8, 6), (5, 3, 4, 4), dict(stride=2, padding=1)),
    '5x5, padding 2': ((2, 4, 7, 6), (4, 4, 5, 5), dict(padding=2)),
    'kernel as large as the image': ((3, 4, 5, 6), (7, 4, 5, 6), {}),
    'one row': ((1, 2, 1, 20), (3, 2, 1, 3), dict(padding=[0, 1])),
    'one column': ((1, 2, 20, 1), (3, 2, 3, 1), dict(padding=[1, 0])),
    'dilation 2': ((2, 3, 9, 8), (4, 3, 3, 3), dict(dilation=2, padding=2)),
    'dilation 1x3, 3x2, padding 2x4': ((1, 3, 6, 7), (4, 3, 3, 2), dict(dilation=[1, 3], padding=[2, 4])),
    'dilation 3, stride 2': ((1, 2, 11, 12), (3, 2, 3, 3), dict(dilation=3, stride=2, padding=1)),
    'groups 2': ((2, 4, 6, 6), (6, 2, 3, 3), dict(groups=2, padding=1)),
    'groups 3, stride 2': ((1, 9, 7, 7), (6, 3, 3, 3), dict(groups=3, stride=2, padding=1)),
    'groups 4, 1x1 kernel': ((2, 8, 4, 5), (12, 2, 1, 1), dict(groups=4)),
    'groups 2, 5 channels each': ((1, 10, 5, 4), (14, 5, 3, 3), dict(groups=2, padding=1, dilation=[1, 2])),
    'depthwise': ((2, 5, 6, 7), (5, 1, 3, 3), dict(groups=5, padding=1)),
    'depthwise, 8 channels': ((1, 8, 9, 9), (8, 1, 3, 3), dict(groups=8, padding=1)),
    'depthwise, two outputs each': ((1, 3, 6, 6), (6, 1, 3, 3), dict(groups=3, padding=1)),
    'depthwise, 5x5, stride 2': ((2, 4, 9, 11), (4, 1, 5, 5), dict(groups=4, stride=2, padding=2)),
    'depthwise, dilation 2': ((1, 4, 8, 8), (4, 1, 3, 3), dict(groups=4, dilation=2)),
    'one channel in and out': ((1, 1, 6, 6), (1, 1, 3, 3), dict(padding=1)),
    '5 to 7 channels': ((1, 5, 6, 6), (7, 5, 3, 3), dict(padding=1)),
    '13 to 17 channels': ((2, 13, 7, 5), (17, 13, 3, 3), dict(padding=1)),
    '16 to 16 channels': ((1, 16, 12, 12), (16, 16, 3, 3), dict(padding=1)),
    '8 to 12 channels, odd image': ((2, 8, 15, 13), (12, 8, 3, 3), dict(padding=1)),
    '36 to 20 channels': ((1, 36, 9, 10), (20, 36, 3, 3), dict(padding=1)),
    '67 to 35 channels, 1x1 kernel': ((2, 67, 5, 7), (35, 67, 1, 1), {}),
    'batch 5': ((5, 3, 5, 5), (4, 3, 3, 3), dict(padding=1)),
}
for title, (image, weight, args) in CONVS.items():
    case('conv2d', title, [x(*image), x(*weight), x(weight[0])], **args)
for title in ['3x3, padding 1', '1x1 kernel', 'groups 2', 'depthwise']:
    image, weight, args = CONVS[title]
    case('conv2d', f'{title}, no bias', [x(*image), x(*weight), None], **args)
EPILOGUES = {
    '3x3, padding 1': (2, 4, 8, 8),
    '7x7, stride 2, padding 3': (1, 8, 9, 10),
    '1x1 kernel, stride 2': (2, 9, 4, 3),
    'kernel as large as the image': (3, 7, 1, 1),
    'groups 4, 1x1 kernel': (2, 12, 4, 5),
    'depthwise': (2, 5, 6, 7),
    'one column': (1, 3, 20, 1),
    '16 to 16 channels': (1, 16, 12, 12),
    '67 to 35 channels, 1x1 kernel': (2, 35, 5, 7),
}
for title, output in EPILOGUES.items():
    image, weight, args = CONVS[title]
    operands = [x(*image), x(*weight), x(weight[0])]
    case('conv2dEpilogue', f'{title}, residual', [*operands, x(*output)], relu=False, **args)
    case('conv2dEpilogue', f'{title}, relu', [*operands, None], smooth=False, relu=True, **args)
    case('conv2dEpilogue', f'{title}, both, no bias', [*operands[:2], None, x(*output)], smooth=False, relu=True, **args)

# Pooling
MAX_POOLS = {
    '2x2': ((2, 3, 6, 8), dict(kernelSize=2)),
    '3x3, stride 2, padding 1': ((2, 5, 9, 8), dict(kernelSize=3, stride=2, padding=1)),
    '3x3, stride 1, padding 1': ((1, 3, 5, 6), dict(kernelSize=3, stride=1, padding=1)),
    '2x2, stride 3': ((2, 3, 8, 9), dict(kernelSize=2, stride=3)),
    '1x1, stride 2': ((1, 4, 5, 5), dict(kernelSize=1, stride=2)),
    '3x2, stride 2x1, padding 1x0': ((2, 3, 7, 6), dict(kernelSize=[3, 2], stride=[2, 1], padding=[1, 0])),
    'ceil mode': ((1, 3, 6, 7), dict(kernelSize=3, stride=2, ceilMode=True)),
    'ceil mode, padding': ((2, 2, 6, 5), dict(kernelSize=3, stride=2, padding=1, ceilMode=True)),
    'ceil mode, a window that starts in the padding is dropped': (
        (1, 2, 5, 5),
        dict(kernelSize=2, stride=3, padding=1, ceilMode=True),
    ),
    'dilation 2': ((1, 3, 8, 7), dict(kernelSize=3, stride=1, dilation=2)),
    'dilation 1x3, padding 0x1, stride 2': (
        (1, 2, 8, 9),
        dict(kernelSize=2, stride=2, padding=[0, 1], dilation=[1, 3]),
    ),
    'dilation 2, ceil mode': ((1, 2, 7, 8), dict(kernelSize=2, stride=2, dilation=2, ceilMode=True)),
    '1x1 image': ((2, 5, 1, 1), dict(kernelSize=3, stride=2, padding=1)),
    'whole image': ((2, 3, 4, 5), dict(kernelSize=[4, 5])),
}
for title, (image, args) in MAX_POOLS.items():
    case('maxPool2d', title, [distinct(*image)], **args)
case(
    'maxPool2d',
    'dilation steps over every pixel',
    [distinct(1, 2, 1, 4).fixed()],
    kernelSize=2,
    stride=1,
    padding=1,
    dilation=2,
)
case('maxPool2d', 'all negative', [distinct(1, 2, 5, 5, shift=-9)], kernelSize=3, stride=2, padding=1)
case('maxPool2d', 'equals, the first', [classes(1, 2, 6, 6, count=2)], kernelSize=3, stride=2, padding=1)
tie = Recorded((1, 2, 6, 6), lambda seed: np.floor(hashed(72, seed, 0, 2)))
case('maxPool2d', 'equals, the first has the gradient', [tie], smooth=False, kernelSize=3, stride=2, padding=1)

AVG_POOLS = {
    '2x2': ((2, 3, 6, 8), dict(kernelSize=2)),
    '3x3, stride 2, padding 1': ((2, 5, 9, 8), dict(kernelSize=3, stride=2, padding=1)),
    'padding not counted': ((2, 3, 7, 6), dict(kernelSize=3, stride=2, padding=1, countIncludePad=False)),
    'stride 1, padding 1': ((1, 3, 5, 6), dict(kernelSize=3, stride=1, padding=1)),
    '2x2, stride 3': ((2, 3, 8, 9), dict(kernelSize=2, stride=3)),
    '3x2, stride 2x1, padding 1x0': ((2, 3, 7, 6), dict(kernelSize=[3, 2], stride=[2, 1], padding=[1, 0])),
    'ceil mode': ((1, 3, 6, 7), dict(kernelSize=3, stride=2, ceilMode=True)),
    'ceil mode, padding': ((2, 2, 6, 5), dict(kernelSize=3, stride=2, padding=1, ceilMode=True)),
    'ceil mode, padding not counted': (
        (2, 2, 6, 7),
        dict(kernelSize=3, stride=2, padding=1, ceilMode=True, countIncludePad=False),
    ),
    'ceil mode, past the padding': ((1, 2, 8, 8), dict(kernelSize=4, stride=3, padding=1, ceilMode=True)),
    'divisor 3': ((1, 3, 6, 5), dict(kernelSize=2, divisorOverride=3)),
    'divisor 5, padding, ceil mode': (
        (1, 2, 6, 5),
        dict(kernelSize=3, stride=2, padding=1, ceilMode=True, divisorOverride=5),
    ),
    '1x1 image': ((2, 5, 1, 1), dict(kernelSize=3, stride=1, padding=1)),
    '1x1 image, padding not counted': ((2, 5, 1, 1), dict(kernelSize=3, padding=1, countIncludePad=False)),
    'whole image': ((2, 3, 4, 5), dict(kernelSize=[4, 5])),
}
for title, (image, args) in AVG_POOLS.items():
    case('avgPool2d', title, [x(*image)], **args)

for title, image, size in [
    ('to one value', (2, 5, 7, 6), 1),
    ('halves', (2, 3, 8, 6), [4, 3]),
    ('windows that overlap', (2, 3, 7, 5), 3),
    ('more out than in', (1, 3, 3, 4), [7, 6]),
    ('1x1 image to 3x3', (2, 3, 1, 1), 3),
    ('same size', (1, 2, 4, 5), [4, 5]),
    ('4x1', (1, 5, 6, 9), [4, 1]),
    ('height kept', (1, 3, 5, 7), [None, 2]),
    ('wider, lower', (1, 2, 9, 3), [2, 5]),
]:
    case('adaptiveAvgPool2d', title, [x(*image)], outputSize=size)


# Batch norm: x, running mean, running variance, weight, bias
def batch_norm(title, shape, affine=True, running=True, offset=0.0, **args):
    channels = shape[1]
    statistics = [x(channels).fixed(), positive(channels).fixed()] if running else [None, None]
    parameters = [positive(channels), x(channels)] if affine else [None, None]
    image = x(*shape, low=offset - 2, high=offset + 2)
    case('batchNorm', title, [image, *statistics, *parameters], **args)


batch_norm('training', (4, 3, 5, 6), training=True, momentum=0.1, eps=1e-5)
batch_norm('training, momentum 0.3, eps 1e-3', (3, 5, 4, 3), training=True, momentum=0.3, eps=1e-3)
batch_norm('training, no affine', (3, 5, 4, 3), affine=False, training=True, momentum=0.1, eps=1e-5)
batch_norm('training, no running statistics', (3, 4, 4, 3), running=False, training=True, momentum=0.1, eps=1e-5)
batch_norm('training, batch 1', (1, 6, 3, 4), training=True, momentum=0.1, eps=1e-5)
batch_norm('training, 1x1 images', (6, 7, 1, 1), training=True, momentum=0.1, eps=1e-5)
batch_norm('training, two axes', (7, 5), training=True, momentum=0.1, eps=1e-5)
batch_norm('training, three axes', (3, 4, 6), training=True, momentum=0.1, eps=1e-5)
batch_norm('training, mean far from zero', (4, 5, 12, 11), offset=100.0, training=True, momentum=0.1, eps=1e-5)
batch_norm('training, 33 channels', (2, 33, 3, 5), training=True, momentum=0.1, eps=1e-5)
batch_norm('eval', (4, 3, 5, 6), training=False, momentum=0.1, eps=1e-5)
batch_norm('eval, no affine', (2, 5, 4, 3), affine=False, training=False, momentum=0.1, eps=1e-5)
batch_norm('eval, batch 1, 1x1 image', (1, 5, 1, 1), training=False, momentum=0.1, eps=1e-5)
batch_norm('eval, two axes', (7, 5), training=False, momentum=0.1, eps=1e-3)

# Softmax and losses
for op in ['softmax', 'logSoftmax']:
    for dim in [0, 1, -1]:
        case(op, f'axis {dim}', [x(3, 4, 5, low=-3, high=3)], dim=dim)
    case(op, 'large logits', [given([[100, 101, 99], [-100, 0, 100]])], dim=1)
    case(op, 'one class', [x(3, 1)], dim=1)
    case(op, 'a vector', [x(6)], dim=0)

for reduction in ['mean', 'sum', 'none']:
    case('mseLoss', reduction, [x(3, 4), x(3, 4)], reduction=reduction)
    case(
        'binaryCrossEntropyWithLogits',
        reduction,
        [x(4, 3, low=-3, high=3), x(4, 3, low=0).fixed(), None, None],
        reduction=reduction,
    )
    case('crossEntropy', reduction, [x(5, 4, low=-3, high=3), classes(5, count=4), None], reduction=reduction)
    case(
        'crossEntropy',
        f'{reduction}, weight, label smoothing, ignored',
        [x(6, 4, low=-3, high=3), given([0, 3, 2, 1, 2, 3]).fixed(), positive(4).fixed()],
        reduction=reduction,
        ignoreIndex=2,
        labelSmoothing=0.2,
    )
    case(
        'binaryCrossEntropyWithLogits',
        f'{reduction}, weight, posWeight',
        [x(4, 3, low=-3, high=3), classes(4, 3, count=2), positive(4, 3).fixed(), positive(3).fixed()],
        reduction=reduction,
    )
EXTREMES = [[-100, -100, 100, 100, 30, -30, 1e-4], [0, 1, 0, 1, 0.25, 0.75, 0.5]]
extremes, targets = EXTREMES
case(
    'binaryCrossEntropyWithLogits',
    'extreme logits',
    [given(extremes), given(targets).fixed(), None, None],
    reduction='none',
)
case(
    'binaryCrossEntropyWithLogits',
    'extreme logits, posWeight',
    [given(extremes), given(targets).fixed(), None, given([3]).fixed()],
    reduction='mean',
)
case(
    'binaryCrossEntropyWithLogits',
    'weight per sample',
    [x(4, 3), classes(4, 3, count=2), positive(4, 1).fixed(), None],
    reduction='mean',
)
case(
    'binaryCrossEntropyWithLogits',
    'one value',
    [x(1, 1), given([[1]]).fixed(), None, None],
    reduction='mean',
)
case('crossEntropy', 'extreme logits', [given([[100, -100, 0], [-100, 100, 99]]), given([1, 1]).fixed(), None])
case('crossEntropy', 'weight', [x(5, 4), classes(5, count=4), positive(4).fixed()])
case('crossEntropy', 'label smoothing', [x(5, 4), classes(5, count=4), None], labelSmoothing=0.1)
case('crossEntropy', 'weight, label smoothing', [x(5, 4), classes(5, count=4), positive(4).fixed()], labelSmoothing=0.3)
case('crossEntropy', 'ignored', [x(5, 4), given([0, -100, 3, -100, 1]).fixed(), None])
case('crossEntropy', 'weight, ignored', [x(4, 3), given([0, 1, 2, 1]).fixed(), positive(3).fixed()], ignoreIndex=1)
case('crossEntropy', 'one sample', [x(1, 7), classes(1, count=7), None])

case('crossEntropy', 'images', [x(2, 4, 3, 2), classes(2, 3, 2, count=4), positive(4).fixed()], ignoreIndex=1)
case('crossEntropy', 'probabilities', [x(3, 4), positive(3, 4).fixed(), None], labelSmoothing=0.1)
case('crossEntropy', 'probabilities, weight, sum', [x(3, 4), positive(3, 4).fixed(), positive(4).fixed()], reduction='sum')
case('binaryCrossEntropyWithLogits', 'gradient of the target', [x(4, 3), x(4, 3, low=0), None, None])
# Weights as large as the gradients are small: 1e9 times 1.25e-9 at -20.5.
far_out = [-20.5, 20.5, -20.5, 20.5]
far_targets = [0, 1, 0.5, 0.5]
far_weights = [1e9, 1e9, 1, 1]
for title, factor in [('', None), (', posWeight', given([3]).fixed())]:
    case(
        'binaryCrossEntropyWithLogits',
        f'gradients far out{title}',
        [given(far_out), given(far_targets).fixed(), given(far_weights).fixed(), factor],
        smooth=False,
        reduction='none',
    )
case('binaryCrossEntropyWithLogits', 'gradients of all', [x(4, 3, low=-3, high=3), x(4, 3, low=0), positive(4, 3).fixed(), positive(3).fixed()])
for reduction in ['mean', 'none']:
    case('nllLoss', reduction, [x(5, 4, low=-3, high=0), classes(5, count=4), positive(4).fixed()], reduction=reduction)
    case(
        'binaryCrossEntropy',
        reduction,
        [x(4, 3, low=0.1, high=0.9), x(4, 3, low=0).fixed(), positive(4, 3).fixed()],
        reduction=reduction,
    )
case('binaryCrossEntropy', 'certain', [given([0, 1, 0, 1]), given([0, 1, 1, 0]), None], smooth=False)
case('binaryCrossEntropy', 'gradient of the target', [x(4, 3, low=0.1, high=0.9), x(4, 3, low=0.1, high=0.9), positive(4, 3).fixed()])
case('binaryCrossEntropy', 'gradient of the target only', [x(4, 3, low=0.1, high=0.9).fixed(), x(4, 3, low=0.1, high=0.9), None])

# Sizes of 0
for op in ['relu', 'exp', 'softplus', 'sign']:
    special(op, 'no values', [x(0, 3)])
special('powScalar', 'no values', [x(2, 0)], value=3)
special('clamp', 'no values', [x(2, 0)], min=0, max=1)
for op in ['add', 'mul', 'div', 'maximum', 'eq']:
    special(op, 'no values', [x(2, 0, 3), x(1, 3)])
special('add', 'a row to no rows', [x(0, 3), x(1, 3)])
special('where', 'no values', [classes(2, 0, count=2), x(2, 1), x(1)])
for op in ['sum', 'mean']:
    special(op, 'all of none', [x(2, 0)])
    special(op, 'no values', [x(0)])
    special(op, 'an axis of 0', [x(2, 0, 3)], dim=1, keepdim=False)
    special(op, 'an axis of 0, last', [x(2, 3, 0)], dim=-1, keepdim=True)
    special(op, 'an axis of 0, first, and another', [x(0, 2, 3)], dim=[0, 2], keepdim=False)
for op in ['sum', 'mean', 'max', 'min', 'argmax']:
    inputs = [x(0, 3).fixed() if op == 'argmax' else x(0, 3)]
    special(op, 'an axis of none', inputs, dim=1, keepdim=False)
for op in ['var', 'std']:
    special(op, 'an axis of 0', [x(2, 0)], dim=1, unbiased=True, keepdim=False)
    special(op, 'an axis of 0, biased', [x(2, 0)], dim=1, unbiased=False, keepdim=False)
    special(op, 'an axis of 1', [x(2, 1)], dim=1, unbiased=True, keepdim=False)
special('reshape', 'no values', [x(2, 0)], shape=[0, 3])
special('flatten', 'no values', [x(0, 3, 2)], startDim=1)
special('transpose', 'no values', [x(0, 3)], dim0=0, dim1=1)
special('permute', 'no values', [x(2, 0, 3)], dims=[2, 0, 1])
special('slice', 'nothing of it', [x(4, 3)], dim=0, start=2, end=2)
special('slice', 'of none', [x(0, 3)], dim=1, start=1, end=3)
special('select', 'of none', [x(0, 3)], dim=1, index=1)
special('secondChunk', 'of none', [x(0, 3)], chunks=2, dim=0)
special('expand', 'to none', [x(1, 3)], shape=[0, 3])
special('unsqueeze', 'no values', [x(0, 3)], dim=1)
special('squeeze', 'no values', [x(0, 1, 3)])
special('cat', 'nothing to something', [x(0, 3), x(2, 3), x(0, 3)], dim=0)
special('cat', 'nothing to nothing', [x(2, 0), x(2, 0)], dim=1)
special('cat', 'rows of none', [x(0, 2), x(0, 3)], dim=1)
special('cat', 'a bare tensor without values', [x(0), x(2, 3), x(0)], dim=1)
special('stack', 'no values', [x(0, 3), x(0, 3)], dim=0)
special('pad', 'around no columns', [x(2, 0)], padding=[1, 2], value=3)
special('pad', 'cut to none', [x(2, 3)], padding=[-1, -2])
special('matmul', 'k of 0', [x(2, 0), x(0, 3)])
special('matmul', 'no rows', [x(0, 2), x(2, 3)])
special('matmul', 'no columns', [x(2, 3), x(3, 0)])
special('matmul', 'batches, k of 0', [x(2, 3, 0), x(0, 4)])
special('matmul', 'no batches', [x(0, 2, 3), x(0, 3, 4)])
special('matmul', 'vectors of 0', [x(0), x(0)])
for title, rows, k, n in [('no features', 2, 0, 3), ('no rows', 0, 2, 3), ('no outputs', 4, 2, 0)]:
    special('linear', title, [x(rows, k), x(n, k), x(n)])
    special('linear', f'{title}, no bias', [x(rows, k), x(n, k), None])
special('linear', 'no images, three axes', [x(0, 4, 2), x(3, 2), x(3)])
special('conv2d', 'no images', [x(0, 3, 5, 4), x(2, 3, 3, 3), x(2)], padding=1)
special('conv2d', 'no images, 16 to 16 channels', [x(0, 16, 12, 12), x(16, 16, 3, 3), x(16)], padding=1)
special('conv2d', 'no images, depthwise, stride 2', [x(0, 4, 6, 6), x(4, 1, 3, 3), x(4)], groups=4, stride=2)
special('conv2dEpilogue', 'no images', [x(0, 3, 4, 4), x(2, 3, 3, 3), x(2), x(0, 2, 2, 2)], relu=True)
special('maxPool2d', 'no images', [x(0, 3, 4, 4)], kernelSize=3, stride=2, padding=1)
special('avgPool2d', 'no images', [x(0, 3, 4, 4)], kernelSize=2)
special('adaptiveAvgPool2d', 'no images', [x(0, 3, 4, 4)], outputSize=2)
special('adaptiveAvgPool2d', 'no channels', [x(2, 0, 4, 4)], outputSize=1)
special('adaptiveAvgPool2d', 'to no rows', [x(2, 3, 4, 4).fixed()], outputSize=[0, 2])
for training in [True, False]:
    mode = 'training' if training else 'eval'
    for title, shape in [('no images', (0, 3, 4, 4)), ('no rows', (2, 3, 0, 4))]:
        channels = shape[1]
        operands = [x(channels).fixed(), positive(channels).fixed(), positive(channels), x(channels)]
        special('batchNorm', f'{mode}, {title}', [x(*shape), *operands], training=training, momentum=0.1, eps=1e-5)
for op in ['softmax', 'logSoftmax']:
    special(op, 'no classes', [x(2, 0)], dim=1)
    special(op, 'no rows', [x(0, 3)], dim=1)
for reduction in ['mean', 'sum', 'none']:
    special('mseLoss', f'no values, {reduction}', [x(0, 3), x(0, 3)], reduction=reduction)
    special('crossEntropy', f'no rows, {reduction}', [x(0, 3), x(0).fixed(), None], reduction=reduction)
    special('crossEntropy', f'no probabilities, {reduction}', [x(0, 3), x(0, 3).fixed(), None], reduction=reduction)
    special('binaryCrossEntropy', f'no rows, {reduction}', [x(0, 3), x(0, 3).fixed(), None], reduction=reduction)
    special('binaryCrossEntropyWithLogits', f'no rows, {reduction}', [x(0, 3), x(0, 3).fixed(), None, None], reduction=reduction)

# NaN and infinity, forward and backward, beside the values where formulas have their corners
nan, inf = float('nan'), float('inf')
corners = [nan, inf, -inf, 0, 1, -1, 2, -2, 0.5, -0.5]
for op in ['relu', 'abs', 'sign', 'exp', 'log', 'sqrt', 'square', 'reciprocal', 'neg', 'sigmoid', 'tanh', 'softplus', 'leakyRelu']:
    special(op, 'NaN and infinity', [given(corners)])
for args in [{'min': -1, 'max': 2}, {'min': -1}, {'max': 2}]:
    special('clamp', f'NaN and infinity, {" and ".join(args)}', [given(corners)], **args)
for op in ['addScalar', 'mulScalar', 'subScalar', 'divScalar']:
    special(op, 'NaN and infinity', [given(corners)], value=2.5)
for value in [0, 1, 2, 3, -1, -2, 0.5, -0.5, -1.5]:
    special('powScalar', f'NaN and infinity to the {value}', [given(corners)], value=value)
for op in ['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', 'eq', 'ne', 'gt', 'ge', 'lt', 'le']:
    special(op, 'NaN and infinity', [given([corners] * len(corners)), given(np.array([corners] * len(corners)).T)])
special('where', 'NaN and infinity', [given([1, 0, 1, nan, 0, 1]).fixed(), given([nan, 1, inf, 2, 3, 4]), given([1, 2, 3, -inf, nan, nan])])
rows = [[1, nan, 2, 0.5], [3, 4, 5, -1], [nan, 7, nan, nan], [1, inf, 2, -2], [inf, -inf, 5, 1], [-inf, -inf, -inf, -inf], [inf, inf, 0, 1]]
for op in ['sum', 'mean', 'max', 'min']:
    special(op, 'NaN and infinity', [given(rows)], dim=1, keepdim=False)
    special(op, 'NaN and infinity down the columns', [given(np.array(rows).T)], dim=0, keepdim=False)
for op in ['var', 'std']:
    special(op, 'NaN and infinity', [given(rows)], dim=1, unbiased=True, keepdim=False)
special('std', 'equal values', [given([[2, 2, 2], [1, 2, 3]])], dim=1, unbiased=True, keepdim=False)
special('argmax', 'NaN wins', [given(rows).fixed()], dim=1, keepdim=False)
for op in ['softmax', 'logSoftmax']:
    special(op, 'NaN and infinity', [given(rows)], dim=1)
image = [[[[1, 2, nan, 4], [5, 6, 7, 8], [-1, -2, -inf, -inf], [0, nan, -inf, -inf]]]]
special('maxPool2d', 'NaN wins', [given(image)], kernelSize=2)
special('avgPool2d', 'NaN and infinity', [given(image)], kernelSize=2)
special('adaptiveAvgPool2d', 'NaN and infinity', [given(image)], outputSize=2)
special('matmul', 'NaN and infinity', [given([[1, nan], [2, 3], [inf, 0]]), x(2, 3)])
special('linear', 'NaN and infinity', [given([[1, nan], [2, 3], [-inf, 1]]), x(3, 2), given([0, 1, nan])])
special('conv2d', 'NaN and infinity', [given([[[[1, 2, 3], [4, nan, 6], [7, 8, 9]]], [[[1, 2, 3], [4, 5, 6], [7, 8, -inf]]]]), x(2, 1, 2, 2), x(2)])
special('conv2dEpilogue', 'NaN and infinity', [given([[[[1, 2, nan], [-4, 5, inf]]]]), given([[[[1.0]]], [[[-1.0]]]]), x(2), given([[[[0, nan, 0], [0, 0, 0]], [[0, 0, 0], [nan, 0, 1]]]])], relu=True)
for training in [True, False]:
    operands = [x(3).fixed(), positive(3).fixed(), positive(3), x(3)]
    values = given([[[1, 2], [nan, 3], [5, 6]], [[3, -1], [0, 1], [inf, 2]]])
    special('batchNorm', f'NaN and infinity, {"training" if training else "eval"}', [values, *operands], training=training, momentum=0.1, eps=1e-5)
    residual = given([[[0, 0], [0, nan], [0, 0]], [[0, 0], [0, 0], [0, -inf]]])
    special('batchNormEpilogue', f'NaN in the residual, {"training" if training else "eval"}', [x(2, 3, 2), *operands, residual], training=training, momentum=0.1, eps=1e-5)
special('mseLoss', 'NaN and infinity', [given([nan, inf, 1]), given([1, 2, -inf])], reduction='none')
classes_of_rows = given([0, 1, 2, 3, 1, 2, 3]).fixed()
special('crossEntropy', 'NaN and infinity', [given(rows), classes_of_rows, None], reduction='none')
special('crossEntropy', 'a masked class', [given([[1, -inf, 2], [-inf, 0, 1]]), given([0, 2]).fixed(), None])
special('nllLoss', 'NaN and infinity', [given([[-1, nan, -2], [-inf, -1, -2], [-1, -inf, 0]]), given([1, 0, 2]).fixed(), None], reduction='none')
special(
    'binaryCrossEntropyWithLogits',
    'NaN and infinity',
    [given([nan, inf, -inf, inf, 1]), given([1, 1, 0, 0, nan]), None, None],
    reduction='none',
)

# Dropout where it is no matter of chance
case('dropout', 'p = 0', [x(3, 4)], p=0, training=True)
case('dropout', 'p = 1', [x(3, 4)], p=1, training=True)
case('dropout', 'eval', [x(3, 4)], p=0.5, training=False)
