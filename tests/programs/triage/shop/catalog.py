import defects


class Catalog:
    def __init__(self, rows):
        self.rows = rows

    def load(self):
        total = 0
        for row in self.rows:
            total += row
        return total, defects.null_field(self.rows)

    def save(self):
        names = [str(row) for row in self.rows]
        return [defects.null_write(name) for name in names]


def reload(rows):
    return Catalog(rows).load()


def store(rows):
    return Catalog(rows).save()
