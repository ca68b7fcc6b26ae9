MANPAGES += etc/goprobe.ini.5
DOCS += etc/goprobe.ini
