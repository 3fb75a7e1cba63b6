import defects


def resize(rows):
    return defects.invalid_free(rows)


def thumbnail(rows):
    return max(rows, key=lambda row: defects.stack_smash(row))


def release(rows):
    return [row for row in rows if defects.double_free(row)]
