DOCS += systemd/goprobe.sysusers
