"""Nested calls: every kind of argument, closures and cells, names that are not bound yet, an exception in flight."""

import truth


class Greeter:
    """A plain class, for a method on the stack."""

    def __init__(self, name):
        self.name = name
        self.count = 3

    def greet(self, greeting, *rest, loud=False, **options):
        counter = 0
        total = 10

        def inner(step, factor=2):
            nonlocal counter
            counter += step
            product = counter * factor + total
            if product < 0:
                never_bound = product
                del never_bound
            removed = "gone"
            del removed
            return deepest(product, [self.name, greeting], key={"loud": loud, **options})

        result = inner(5)
        late = result
        return late


def deepest(number, items, *, key):
    flag = True
    nothing = None
    ratio = 1.5
    raw = b"\x00bytes\xff"
    word = "héllo"
    pair = (1, "two", 3.0)
    unique = {42}
    try:
        raise ValueError("handled here") from KeyError("cause")
    except ValueError as error:
        message = str(error)
        truth.write("null")()
    after = (flag, nothing, ratio, raw, word, pair, unique, message)
    return number, items, key, after


def main():
    greeter = Greeter("Ada")
    return greeter.greet("hello", 1, 2, loud=True, tone="soft")


if __name__ == "__main__":
    main()
