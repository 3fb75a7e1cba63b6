import defects


class Entry:
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return defects.use_after_free(self.rows)


class Evictor:
    def load(self, rows):
        return len(Entry(rows))


def evict(rows):
    return Evictor().load(rows)
