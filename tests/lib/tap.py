"""TAP from Python: ok(), is_(), diag(), done()."""

import sys

_count = 0
_failed = 0


def ok(condition, what):
    global _count, _failed
    _count += 1
    if not condition:
        _failed += 1
    print("%sok %d - %s" % ("" if condition else "not ", _count, what),
          flush=True)
    return bool(condition)


def is_(got, want, what):
    if not ok(got == want, what):
        diag("     got: %r" % (got,))
        diag("expected: %r" % (want,))
    return got == want


def diag(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def skip_all(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def done():
    print("1..%d" % _count, flush=True)
    sys.exit(1 if _failed else 0)
