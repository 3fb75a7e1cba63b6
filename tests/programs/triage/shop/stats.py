import defects


def mean(rows):
    return defects.divide(rows)


def histogram(rows):
    return sorted(rows, key=lambda row: defects.trap(row))


def percentile(rows):
    return sorted(rows, key=lambda row: defects.wrong_format(row))
