"""Dies below code that torch.compile has made: the first argument is the backend, the second one where.

`operator`: inside of an operator that the compiled code calls, while frames are evaluated by CPython alone. `break`: where it
has given up in the middle of the function, in the function that goes on from there.
"""

import sys

import torch

import truth

write = torch._dynamo.disable(truth.write)


@torch.library.custom_op("pyinquest::strike", mutates_args=())
def strike(x: torch.Tensor) -> torch.Tensor:
    if sys.argv[2] == "operator" and x.sum().item() > 100:
        truth.write()()
    return x.clone()


@strike.register_fake
def _(x):
    return torch.empty_like(x)


@torch.compile(backend=sys.argv[1])
def work(x):
    y = strike(x * 2 + 1)
    if y.sum().item() > 100:
        write()()
    return y.sin()


def main():
    work(torch.ones(4))
    work(torch.full((4,), 100.0))


main()
