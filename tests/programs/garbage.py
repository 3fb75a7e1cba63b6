"""Memory corruption: pointers and headers overwritten just before death, after the truth was written.

Names that begin with `bad_` hold what was damaged; all others must still be read correctly. `damage` in the truth
tells what was done to each.
"""

import ctypes

import truth

HEADER = object.__basicsize__
WORD = ctypes.sizeof(ctypes.c_void_p)
LIST_ITEMS = HEADER + WORD  # PyListObject: header, size, items, allocated
TYPE_FIELD = HEADER - WORD  # the type pointer ends the header, free-threaded or not


class Victim:
    def __init__(self):
        self.attribute = 1


def word(address, value):
    ctypes.c_size_t.from_address(address).value = value


def word_at(address):
    return ctypes.c_size_t.from_address(address).value


def main():
    before = "intact before"
    bad_list = [1, "wild pointer follows", None, 4]
    bad_tuple = (1, "unmapped pointer follows", [], 4)
    bad_type = Victim()
    bad_type_zero = Victim()
    bad_length = [1, 2, 3]
    bad_negative_length = (1, 2, 3)
    bad_string = "its length is a lie" * 2
    bad_dict = {"key": "value", 1: 2}
    bad_loop = Victim()
    bad_cell = "the cell will point nowhere"
    bad_int = 10**30
    after = {"intact": ["after", 1]}

    def reader():
        return bad_cell

    bad_box = reader.__closure__[0]

    def plant():
        word(word_at(id(bad_list) + LIST_ITEMS) + 2 * WORD, 0xDEADBEEFDEADBEEF)
        word(id(bad_tuple) + tuple.__basicsize__ + 2 * WORD, 0x10000)
        word(id(bad_type) + TYPE_FIELD, 0xCDCDCDCDCDCDCDCD)
        word(id(bad_type_zero) + TYPE_FIELD, 0)
        word(id(bad_length) + HEADER, 1 << 60)
        word(id(bad_negative_length) + HEADER, (1 << 64) - 5)
        word(id(bad_string) + HEADER, 1 << 62)
        ctypes.memset(id(bad_dict) + HEADER, 0xDD, 4 * WORD)
        word(id(bad_loop) + TYPE_FIELD, id(bad_loop))
        word(id(bad_box) + HEADER, 0xDBDBDBDBDBDBDBDB)
        word(id(bad_int) + HEADER, (1 << 63) - 8)

    damage = {
        "bad_list": "item 2 is a non-canonical pointer", "bad_tuple": "item 2 is an unmapped address",
        "bad_type": "type pointer is a fill pattern", "bad_type_zero": "type pointer is NULL",
        "bad_length": "size is 2**60", "bad_negative_length": "size is -5", "bad_string": "length is 2**62",
        "bad_dict": "its fields are a fill pattern", "bad_loop": "its type pointer is its own address",
        "bad_cell": "the cell's pointer is a fill pattern", "bad_int": "its digit count is absurd",
    }
    bad_die = truth.write("null", damage=damage, intact=["before", "after"]); plant(); bad_die()


if __name__ == "__main__":
    main()
