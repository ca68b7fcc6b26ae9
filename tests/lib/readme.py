#!/usr/bin/env python3
"""readme.py README FOLDER: its commands, to be run one by one.

Writes FOLDER/N.cmd, N.who ($ or #) and N.out, what is shown below the command,
for each line of an indented block that begins with a prompt.  Prints how many.
Also names the `make` targets that blocks without a prompt use.
"""
import re
import sys

readme, folder = sys.argv[1:]
n = 0
shown = None
targets = []
for line in open(readme):
    line = line.rstrip()
    if line.startswith("    "):
        text = line[4:]
        m = re.match(r"([$#]) (.*)", text)
        if m:
            n += 1
            for suffix, what in (("who", m[1]), ("cmd", m[2] + "\n"),
                                 ("out", "")):
                with open("%s/%d.%s" % (folder, n, suffix), "w") as f:
                    f.write(what)
            shown = n
            continue
        m = re.match(r"make (\S+)", text)
        if m:
            targets.append(m[1])
    elif line:
        shown = None
        continue
    if shown:
        with open("%s/%d.out" % (folder, shown), "a") as f:
            f.write(line[4:] + "\n")
print(n, *targets)
