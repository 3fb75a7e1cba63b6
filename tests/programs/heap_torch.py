"""PyTorch: tensors with memory of their own, shared, lent, mapped and none; says where each has its data, and dies."""

import gc
import json
import os

import numpy
import torch

small = torch.arange(10, dtype=torch.int16)
large = torch.ones(300, 1000)
view = large[10:20, ::3]
turned = large.t()
deep = torch.zeros(2, 1, 2, 1, 2, 1, 2, dtype=torch.float64)
lent = torch.from_numpy(numpy.arange(5000.0))
empty = torch.empty(0)
elsewhere = torch.empty((1000, 1000), device="meta")
weight = torch.nn.Parameter(torch.full((40, 50), 2.0))
(weight * 3).sum().backward()
grown = torch.empty(3)
grown.resize_(1000)
half = torch.ones(64, dtype=torch.bfloat16)
mapped = torch.from_file("mapped.data", shared=False, size=4096, dtype=torch.uint8) if open("mapped.data", "wb").write(
    b"\1" * 4096) else None

allocated = {"small", "large", "view", "turned", "deep", "weight", "grown", "half"}
said = []
for name in sorted(allocated | {"lent", "empty", "elsewhere", "mapped"}):
    tensor = globals()[name]
    storage = tensor.untyped_storage()
    own = name in allocated
    said.append({"name": name, "id": id(tensor), "own": own, "data": storage.data_ptr(), "bytes": storage.nbytes()})
said.append({"name": "grad", "id": id(weight.grad), "own": True, "data": weight.grad.untyped_storage().data_ptr(),
             "bytes": weight.grad.untyped_storage().nbytes()})
gc.collect()
alive = {}
for tensor in gc.get_objects():
    if isinstance(tensor, torch.Tensor) and tensor is not lent and tensor is not mapped and tensor.device.type == "cpu":
        storage = tensor.untyped_storage()
        alive[storage.data_ptr()] = storage.nbytes()
alive.pop(0, None)
tensor = storage = None
with open("said.json", "w") as file:
    json.dump({"tensors": said, "alive": sorted(alive.items())}, file)
os.abort()
