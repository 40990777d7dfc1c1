"""Several k points side by side in one processor register: the number type of the compiled loops.

A matrix of a lane group is a flat array of floats: element (a, b) of an n × n matrix starts at 2 WIDTH (a n + b), first
the real parts of WIDTH k points, then the imaginary parts. What is one multiplication in a formula is then one
instruction for WIDTH k points, whatever the sizes and strides: small matrices need that to reach the processor's speed.

Inside functions compiled by numba, ``load`` and ``store`` move WIDTH consecutive floats, ``store_complex`` writes WIDTH
complex numbers, ``zero``, ``spread`` and ``everywhere`` make lanes; +, −, ×, ÷, ``square_root`` and ``magnitude`` act
on each lane, ``choose`` compares lane by lane, ``any_positive`` looks at all.
"""

from __future__ import annotations

import operator
import os
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

from solenoidal.arrays import RealArray
from solenoidal.errors import ConfigError

USUAL_WIDTH = 8 if get_host_cpu_features().get("avx512f", False) else 4
"""Lanes that fill a register: 64 bytes with AVX-512, otherwise 32, the register of AVX2 (two of NEON)."""

WIDTH = int(os.environ.get("SOLENOIDAL_LANES", USUAL_WIDTH))
"""Lanes. The environment variable ``SOLENOIDAL_LANES`` sets another even number than ``USUAL_WIDTH``."""
if WIDTH < 2 or WIDTH % 2:
    raise ConfigError(f"SOLENOIDAL_LANES is {WIDTH}; write an even number of lanes, 4 or 8 on most processors")

ALIGNMENT = 64

_VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)
_FLAGS = ("contract", "nsz", "arcp")

FAST = {"reassoc", "contract", "nsz", "arcp"}
"""What the compiler may do with sums in the loops over lanes: reorder and fuse, but respect NaN and infinity."""


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"Lanes({WIDTH})")


_lanes = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


def _arithmetic(op: Any, instruction: str) -> None:
    """Let ``op`` between lanes be the LLVM ``instruction``."""

    @type_callable(op)
    def _typer(context):  # type: ignore[no-untyped-def]
        def typer(x, y):  # type: ignore[no-untyped-def]
            return _lanes if isinstance(x, _Lanes) and isinstance(y, _Lanes) else None

        return typer

    @lower_builtin(op, _Lanes, _Lanes)  # type: ignore[no-untyped-call]
    def _lower(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return getattr(builder, instruction)(*arguments, flags=_FLAGS)


_INSTRUCTIONS = (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
)

for _op, _instruction in _INSTRUCTIONS:
    _arithmetic(_op, _instruction)


def _address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


@intrinsic
def _load(typing, array, index):  # type: ignore[no-untyped-def]
    """Lanes ``array[index : index + WIDTH]`` of a flat array of floats."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.load(_address(context, builder, signature.args[0], *arguments), align=8)

    return _lanes(array, types.intp), generate


@intrinsic
def _spread(typing, array, index):  # type: ignore[no-untyped-def]
    """The float ``array[index]`` in every lane."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        value = builder.load(builder.gep(data, [arguments[1]]))
        lanes = ir.Constant(_VECTOR, [0.0] * WIDTH)
        for lane in range(WIDTH):
            lanes = builder.insert_element(lanes, value, ir.Constant(ir.IntType(32), lane))
        return lanes

    return _lanes(array, types.intp), generate


@intrinsic
def _store(typing, array, index, value):  # type: ignore[no-untyped-def]
    """Write lanes to ``array[index : index + WIDTH]``."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        builder.store(arguments[2], _address(context, builder, signature.args[0], *arguments[:2]), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@intrinsic
def _zero(typing):  # type: ignore[no-untyped-def]
    """Zero in every lane."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return ir.Constant(_VECTOR, [0.0] * WIDTH)

    return _lanes(), generate


@intrinsic
def _everywhere(typing, value):  # type: ignore[no-untyped-def]
    """The float ``value`` in every lane."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        lanes = ir.Constant(_VECTOR, [0.0] * WIDTH)
        for lane in range(WIDTH):
            lanes = builder.insert_element(lanes, arguments[0], ir.Constant(ir.IntType(32), lane))
        return lanes

    return _lanes(types.float64), generate


@intrinsic
def _store_complex(typing, array, index, real, imaginary):  # type: ignore[no-untyped-def]
    """Write lanes as WIDTH complex numbers to ``array[index : index + 2 WIDTH]``, real and imaginary parts in turn."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array, index, real, imaginary = arguments
        for half in range(2):
            lanes = range(half * WIDTH // 2, (half + 1) * WIDTH // 2)
            mask = [x for lane in lanes for x in (lane, WIDTH + lane)]
            woven = builder.shuffle_vector(real, imaginary, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), mask))
            place = builder.add(index, ir.Constant(index.type, half * WIDTH))
            builder.store(woven, _address(context, builder, signature.args[0], array, place), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes, _lanes), generate


@intrinsic
def _choose(typing, x, y, less, otherwise):  # type: ignore[no-untyped-def]
    """``less`` in the lanes where x < y, ``otherwise`` in the others."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        x, y, less, otherwise = arguments
        return builder.select(builder.fcmp_ordered("<", x, y), less, otherwise)

    return _lanes(_lanes, _lanes, _lanes, _lanes), generate


def _elementwise(name: str) -> Any:
    """The LLVM intrinsic ``name`` in each lane."""

    @intrinsic
    def apply(typing, x):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            kind = ir.FunctionType(_VECTOR, [_VECTOR])
            name_for_width = f"llvm.{name}.v{WIDTH}f64"
            function = get_or_insert_function(builder.module, kind, name_for_width)  # type: ignore[no-untyped-call]
            return builder.call(function, arguments)

        return _lanes(_lanes), generate

    return apply


@intrinsic
def _any_positive(typing, x):  # type: ignore[no-untyped-def]
    """Whether some lane is above zero."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        found = builder.fcmp_ordered(">", arguments[0], ir.Constant(_VECTOR, [0.0] * WIDTH))
        return builder.icmp_unsigned("!=", builder.bitcast(found, ir.IntType(WIDTH)), ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(_lanes), generate


load: Any = _load
spread: Any = _spread
store: Any = _store
store_complex: Any = _store_complex
zero: Any = _zero
everywhere: Any = _everywhere
choose: Any = _choose
square_root: Any = _elementwise("sqrt")
magnitude: Any = _elementwise("fabs")
any_positive: Any = _any_positive


def workspace(floats: int) -> RealArray:
    """Uninitialised flat array for lanes, aligned so that none of them straddles two cache lines."""
    raw = np.empty(8 * floats + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + 8 * floats].view(np.float64)
