"""Products of sparse matrices and blocks of vectors, compiled.

In a random network the next row of the block is nowhere near the last one, and the processor waits
for memory. The column indices are known in advance, so each row is asked for a few entries early.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_AHEAD = 8  # entries
_LINE = 8  # numbers of 8 bytes in one cache line


@intrinsic
def _prefetch(_, array, index):
    """Ask the processor to fetch ``array[index]``, without waiting for it."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        call = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], call)
        builder.call(function, [address, whole(0), whole(3), whole(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@njit(nogil=True, cache=True)
def multiply(indptr, indices, data, block, out):
    """``out = W block`` for W by rows (CSR) and arrays in C order."""
    width = block.shape[1]
    flat = block.reshape(-1)
    for i in range(indptr.size - 1):
        row = out[i]
        row[:] = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            soon = np.int64(indices[min(k + _AHEAD, indices.size - 1)]) * width
            for offset in range(0, width, _LINE):
                _prefetch(flat, soon + offset)
            weight, start = data[k], np.int64(indices[k]) * width
            column = flat[start : start + width]
            for c in range(width):
                row[c] += weight * column[c]


@njit(nogil=True, cache=True)
def add_pairs(ends, coefficients, z, out):
    """Add ``c_i z_k`` to row i of out and ``c_j z_k`` to row j, for every pair k = (i, j)."""
    width = out.shape[1]
    flat = out.reshape(-1)
    for k in range(len(ends)):
        soon = np.int64(ends[min(k + _AHEAD, len(ends) - 1), 1]) * width
        for offset in range(0, width, _LINE):
            _prefetch(flat, soon + offset)
        for end in range(2):
            start, c, noise = np.int64(ends[k, end]) * width, coefficients[k, end], z[k]
            row = flat[start : start + width]
            for column in range(width):
                row[column] += c * noise[column]
