MANPAGES += etc/goprobe.ini.5
DOCS += etc/goprobe.ini
DOCS += etc/goquery-audit.rules
