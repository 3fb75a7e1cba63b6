"""Deferreds of Twisted that were not called, wait for each other, or have a function to go on with. The package is found by PYTHONPATH."""

import gc

import truth
from nurseries_chain import chain
from twisted.internet import defer

KEPT = []


def got(result):
    return result


def failed(failure):
    return None


class Handler:
    def done(self, result):
        return result


@defer.inlineCallbacks
def service(source):
    yield inner(source)


@defer.inlineCallbacks
def inner(source):
    yield source


async def coroutine(source):
    await source


def named(call):
    name = getattr(call, "__qualname__", None) or getattr(getattr(call, "__func__", None), "__qualname__", None)
    return None if name in ("passthru", "_failthru", None) else name


def callbacks_of(deferred):
    """Until 25.5 the attribute has no underscore."""
    return getattr(deferred, "_callbacks", None) or deferred.__dict__.get("callbacks")


def goes_on(arguments):
    found = [one for one in arguments if hasattr(one, "gi_frame") or hasattr(one, "cr_frame")]
    return chain(found[0]) if found else None


def describe():
    result = []
    for one in gc.get_objects():
        if isinstance(one, defer.Deferred) and callbacks_of(one):
            other = one._chainedTo
            result.append({
                "id": "0x%x" % id(one), "called": bool(one.called), "paused": bool(one.paused),
                "chained_to": "0x%x" % id(other) if other is not None else None,
                "callbacks": [[named(success[0]), named(failure[0]), goes_on(success[1])]
                              for success, failure in callbacks_of(one)],
            })
    return result


def main():
    plain = defer.Deferred()
    plain.addCallbacks(got, failed)
    plain.addBoth(Handler().done)
    plain.addErrback(failed)
    source = defer.Deferred()
    waits = service(source)
    waits.addCallback(got)
    asked = defer.Deferred()
    on_coroutine = defer.ensureDeferred(coroutine(asked))
    on_coroutine.addErrback(failed)
    inner_one, outer = defer.Deferred(), defer.Deferred()
    outer.addCallback(lambda _: inner_one)
    outer.addCallback(got)
    outer.callback(None)
    done = defer.succeed(1)
    done.addCallback(got)
    KEPT.extend((plain, source, waits, asked, on_coroutine, inner_one, outer, done))
    truth.write("kill", deferreds=describe())()


if __name__ == "__main__":
    main()
