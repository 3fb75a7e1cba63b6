import gc

import defects


def unload(rows):
    class Plugin:
        pass
    victim = Plugin()
    defects.smash_type(victim)
    return victim.attribute


def collect(rows):
    kept = defects.Holder()
    gc.collect()
    return kept


def detached(rows):
    return defects.no_gil(rows)

