#!/usr/bin/env python3
"""Made the .npy, .npz and .png files of this folder: `cd tests/data && python3 make_fixtures.py`.

NumPy 1.24.2 (Debian 12's python3-numpy) wrote the arrays; the images are put together from
the PNG specification with zlib and struct, so that they share no code with libpng.
"""
import struct
import warnings
import zipfile
import zlib

import numpy as np

# ---- .npy ----------------------------------------------------------------------------------------

C34 = np.array([[0.0, -0.0, 1.0, -1.5],
                [5e-324, 1.7976931348623157e308, np.inf, -np.inf],
                [np.pi, 2 / 3, -2.2250738585072014e-308, 1e-310]])
np.save('c_3x4.npy', C34)
np.save('vector_5.npy', np.arange(5) - 2.5)
np.save('number.npy', np.float64(-0.1))
np.save('empty_0x5.npy', np.zeros((0, 5)))
np.save('column_3x1.npy', np.array([[1.0], [2.0], [3.0]]))

# ---- every dtype, both byte orders, both layouts: "f4/big/F" -------------------------------------


def twelve(code):
    """The twelve values that test_npy.c expects, row by row of 3 x 4."""
    if code == 'b1':
        return [k % 3 == 1 for k in range(12)]
    if code[0] in 'iu':
        info = np.iinfo(code)
        low, high = int(info.min), int(info.max)
        if code == 'i8':
            high -= 1023  # 2^63 - 1024: the largest that is a double
        if code == 'u8':
            high -= 2047
        return [0, 1, 2, 3, 4, 5, 100, 101, 102, low, high, 7]
    info = np.finfo(code if code != 'g' else 'f8')
    x = [0.0, -0.0, 1.0, -1.5, float(info.smallest_subnormal), float(info.max), np.inf, -np.inf,
         1 / 3, float(info.tiny), -100.25, np.nan]
    if code == 'g':
        one = np.longdouble(1)
        x[2] = one + one / 2**60            # rounds to 1
        x[3] = one + one / 2**53 + one / 2**60  # rounds to 1 + 2^-52; cut off it would be 1
    return x


arrays = {}
for code in ['b1', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'g']:
    base = np.array(twelve(code), dtype=code).reshape(3, 4)
    for order, sign in [('little', '<'), ('big', '>')]:
        for layout in 'CF':
            a = np.array(base.astype(base.dtype.newbyteorder(sign)), order=layout)
            assert np.isfortran(a) == (layout == 'F')
            arrays[f'{code}/{order}/{layout}'] = a
np.savez('dtypes.npz', **arrays)

# ---- what is refused: the member's name is what the message must say -----------------------------

np.savez('refused.npz', **{
    "'<c16' (complex)": np.zeros(3, 'c16'),
    "'<c8' (complex)": np.zeros(3, 'c8'),
    "'|S3' (byte string)": np.array([b'abc']),
    "'<U3' (string)": np.array(['abc']),
    "'<M8[s]' (date)": np.array(['2020-01-01'], 'M8[s]'),
    "'<m8[s]' (time difference)": np.array([1], 'm8[s]'),
    "'|V4' (raw bytes)": np.zeros(2, 'V4'),
    "'|O' (Python object)": np.array([None, 1]),
    "(structured)": np.zeros(2, [('x', '<f8'), ('y', '<i4')]),
    "(2, 3, 4) has 3 dimensions": np.zeros((2, 3, 4)),
})

# ---- .npz ----------------------------------------------------------------------------------------

content = {'Sigma': C34, 'target/mean/800': np.arange(4.0), '\u03c3': np.float64(0.5)}
np.savez('stored.npz', **content)
np.savez_compressed('deflated.npz', **content)
np.savez('none.npz')
stack = 100.0 * np.arange(2)[:, None, None] + 10 * np.arange(3)[:, None] + np.arange(4)
np.savez('stacks.npz', C=stack, F=np.asfortranarray(stack.astype('>f4')), four=stack[None], none=stack[:0])
with zipfile.ZipFile('other_member.npz', 'w') as z:
    z.write('vector_5.npy', 'v.npy')
    z.writestr('README', 'not an array')
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    with zipfile.ZipFile('twice.npz', 'w') as z:
        z.write('vector_5.npy', 'v.npy')
        z.write('number.npy', 'v.npy')
with zipfile.ZipFile('twice_stripped.npz', 'w') as z:
    z.write('vector_5.npy', 'v.npy')
    z.write('number.npy', 'v')

# ---- .png ----------------------------------------------------------------------------------------

ROWS, COLS = 11, 13
GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
         (1, 0, 2, 1)]


def sample(i, j, c, top):
    """test_png.c knows the same formula; corners (0, 0) and (10, 12) are 0 and top in each channel."""
    if (i, j) == (0, 0):
        return 0
    if (i, j) == (ROWS - 1, COLS - 1):
        return top
    return (7919 * i + 104729 * j + 1299709 * c + 31 * i * j) % (top + 1)


def colour(k, c):
    """Entry k of every palette."""
    return (37 * k + 101 * c + 5 * k * c) % 256


def chunk(name, data, crc=None):
    body = name + data
    return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body) if crc is None else crc)


def pack(samples, depth):
    if depth == 16:
        return struct.pack(f'>{len(samples)}H', *samples)
    bits = ''.join(f'{s:0{depth}b}' for s in samples)
    bits += '0' * (-len(bits) % 8)
    return bytes(int(bits[k:k + 8], 2) for k in range(0, len(bits), 8))


def scanlines(kind, depth, value, passes):
    out = b''
    for i0, j0, di, dj in passes:
        for i in range(i0, ROWS, di):
            row = [value(i, j, c) for j in range(j0, COLS, dj) for c in range(CHANNELS[kind])]
            if row:
                out += b'\0' + pack(row, depth)
    return out


def write_png(name, kind, depth, interlaced=False, extra=b'', colours=None, value=None, size=None,
              after=b''):
    top = (1 << depth) - 1
    colours = colours or 1 << min(depth, 8)
    if value is None and kind == PALETTE:
        def value(i, j, c):
            return sample(i, j, c, colours - 1)
    elif value is None:
        def value(i, j, c):
            return sample(i, j, c, top)
    cols, rows = size or (COLS, ROWS)
    header = struct.pack('>IIBBBBB', cols, rows, depth, kind, 0, 0, int(interlaced))
    data = scanlines(kind, depth, value, ADAM7 if interlaced else [(0, 0, 1, 1)])
    out = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + extra
    if kind == PALETTE:
        out += chunk(b'PLTE', bytes(colour(k, c) for k in range(colours) for c in range(3))) + after
    out += chunk(b'IDAT', zlib.compress(data, 9)) + chunk(b'IEND', b'')
    with open(name + '.png', 'wb') as f:
        f.write(out)


# A gamma, sRGB intent, significant bits, transparent colours: nothing of this may change a value.
gamma = chunk(b'gAMA', struct.pack('>I', 45455)) + chunk(b'sRGB', b'\0')
for depth in [1, 2, 4, 8, 16]:
    write_png(f'gray{depth}', GRAY, depth)
for depth in [8, 16]:
    write_png(f'gray_alpha{depth}', GRAY_ALPHA, depth)
    write_png(f'rgb{depth}', RGB, depth)
    write_png(f'rgb_alpha{depth}', RGB_ALPHA, depth)
for depth in [1, 2, 4, 8]:
    write_png(f'palette{depth}', PALETTE, depth)
write_png('gray16_gamma', GRAY, 16,
          extra=gamma + chunk(b'sBIT', b'\x0a') + chunk(b'tRNS', b'\0\0') + chunk(b'bKGD', b'\x7f\xff'))
write_png('palette4_alpha', PALETTE, 4, extra=gamma, after=chunk(b'tRNS', bytes(16)))
write_png('gray1_interlaced', GRAY, 1, interlaced=True)
write_png('gray16_interlaced', GRAY, 16, interlaced=True)
write_png('rgb8_interlaced', RGB, 8, interlaced=True)
write_png('palette2_interlaced', PALETTE, 2, interlaced=True)
write_png('rgb8_equal', RGB, 8, value=lambda i, j, c: sample(i, j, 0, 255))
write_png('gray8_warning', GRAY, 8, extra=chunk(b'gAMA', struct.pack('>I', 45455), crc=1))

# Refused.
write_png('bad_index', PALETTE, 4, colours=3, value=lambda i, j, c: 3 if (i, j) == (5, 7) else 1)
write_png('bad_too_wide', GRAY, 8, size=(1000001, 1))
write_png('bad_huge', RGB_ALPHA, 16, size=(1000000, 1000000))
