"""PyTorch: tensors of every type, shape and layout. They are told by what they are, not by their data."""

import torch


def types():
    names = ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bfloat16", "complex64", "complex128",
             "bool", "complex32", "float8_e5m2", "float8_e4m3fn", "uint16", "uint32", "uint64")
    for name in names:
        if hasattr(torch, name):
            yield torch.empty((2, 3), dtype=getattr(torch, name))


def shapes():
    table = torch.arange(24).reshape(2, 3, 4)
    yield from (table, table.permute(2, 0, 1), table[:, 1:], table[0, ::2], table.transpose(0, 1), torch.tensor(1.5),
                torch.empty(0), torch.empty((3, 0, 2)), torch.zeros(1, 1, 1, 1, 1), torch.zeros(2, 1, 2, 1, 2, 1, 2).transpose(0, 6),
                torch.zeros(3).expand(4, 3), torch.empty((2, 3, 4, 5), memory_format=torch.channels_last))


def others():
    weight = torch.ones(2, 2, requires_grad=True)
    yield from (weight, weight * 2, (weight * 2).sum(), torch.nn.Parameter(torch.zeros(5)), torch.empty((7, 2), device="meta"),
                torch.nn.Linear(3, 2).weight)


def structure(tensor):
    kind = type(tensor)
    strides = "" if tensor.is_contiguous() else " strides=%r" % (tensor.stride(),)
    attributes = vars(tensor)
    return "<%s.%s object at 0x%x dtype=%s shape=%r%s device=%s%s>" % (
        kind.__module__, kind.__qualname__, id(tensor), tensor.dtype, tuple(tensor.shape), strides, tensor.device,
        " {%s}" % ", ".join("%s=%r" % item for item in attributes.items()) if attributes else "")


def values(add):
    for family in (types, shapes, others):
        for index, value in enumerate(family()):
            add("%s_%d" % (family.__name__, index), value, structure=structure(value))
