"""Records dtypes.safetensors: one tensor of each dtype, written by the reference implementation.

Run: pip install safetensors numpy; python3 test/golden/record_safetensors.py   (safetensors 0.8)

The values stand in test/serialize/safetensors.test.ts, too. Names are chosen to show the order of the file: by dtype,
then by name, and to have escapes in them.
"""

import pathlib

import numpy as np
from safetensors import TensorSpec, serialize

FLOATS = [-2.5, 0.0, -0.0, 1.0, 65504.0, 2.0**-24, np.inf, np.nan]
SIGNED = [-128, -1, 0, 127]
UNSIGNED = [0, 1, 200, 255]


def bfloat16(values):
    return (np.array(values, dtype='<f4').view('<u4') >> 16).astype('<u2')


tensors = {
    'zebra': ('float32', [2, 4], np.array(FLOATS, dtype='<f4')),
    'f64': ('float64', [8], np.array(FLOATS, dtype='<f8')),
    'f16': ('float16', [8], np.array(FLOATS, dtype='<f2')),
    'bf16': ('bfloat16', [4], bfloat16([-2.5, 0.0, 1.0, np.inf])),
    'i64': ('int64', [2, 2], np.array(SIGNED, dtype='<i8')),
    'i32': ('int32', [4], np.array(SIGNED, dtype='<i4')),
    'i16': ('int16', [4], np.array(SIGNED, dtype='<i2')),
    'i8': ('int8', [4], np.array(SIGNED, dtype='i1')),
    'u64': ('uint64', [4], np.array(UNSIGNED, dtype='<u8')),
    'u32': ('uint32', [4], np.array(UNSIGNED, dtype='<u4')),
    'u16': ('uint16', [4], np.array(UNSIGNED, dtype='<u2')),
    'u8': ('uint8', [4], np.array(UNSIGNED, dtype='u1')),
    'bool': ('bool', [3], np.array([True, False, True])),
    'bn.num_batches_tracked': ('int64', [], np.array(7, dtype='<i8')),
    'a "quoted" é name': ('float32', [1], np.array([3.5], dtype='<f4')),
    '10': ('float32', [1], np.array([10], dtype='<f4')),
    '9': ('float32', [0, 3], np.zeros((0, 3), dtype='<f4')),
}
payload = {name: TensorSpec(dtype=dtype, shape=shape, data_ptr=values.ctypes.data, data_len=values.nbytes)
           for name, (dtype, shape, values) in tensors.items()}
path = pathlib.Path(__file__).with_name('dtypes.safetensors')
path.write_bytes(serialize(payload, {'format': 'pt'}))
