# Units name the folders of this installation; systemd/*.in.  goprobe-generator
# finds its template by its own path.
PROGRAMS += goprobe-generator
goprobe-generator_SRCS := systemd/generator.c
goprobe-generator_LIBS := libgpbase
goprobe-generator_PKGS := inih

DOCS += systemd/goprobe.sysusers
MANPAGES += systemd/goprobe.target.7

UNITS := $(addprefix systemd/, goprobe.target goprobe-apply.service \
	goprobe-writer.socket goprobe-writer.service goprobe-capture@.service \
	goprobe-export.service)
SYSTEMDDIR   ?= $(PREFIX)/lib/systemd
UNITDIR      ?= $(SYSTEMDDIR)/system
GENERATORDIR ?= $(SYSTEMDDIR)/system-generators
SYSUSERSDIR  ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR  ?= $(PREFIX)/lib/tmpfiles.d
LIBEXECDIR   ?= $(PREFIX)/libexec/goprobe

# with-folders,FROM,TO: a text with the folders of this installation in it
with-folders = sed -e 's|@SBINDIR@|$(SBINDIR)|g' \
	-e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' \
	-e 's|@GENERATORDIR@|$(GENERATORDIR)|g' '$(1)' >'$(2)'

# A capture that stands in for another one: alike, but that its end is the end.
STANDIN = -e 's/^Description=.*/Description=goProbe capture on %I, while its own is started again/' \
	-e '/^Restart/d' -e '/^StartLimit/d' -e '/^\# 2: the configuration/d'

.PHONY: install-systemd uninstall-systemd
install-systemd: all
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(GENERATORDIR) \
		$(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR) \
		$(DESTDIR)$(LIBEXECDIR)
	install -m 755 $(O)/bin/goprobe-generator $(DESTDIR)$(GENERATORDIR)/
	install -m 644 systemd/goprobe.sysusers \
		$(DESTDIR)$(SYSUSERSDIR)/goprobe.conf
	install -m 644 systemd/goprobe-export.sysusers \
		$(DESTDIR)$(SYSUSERSDIR)/goprobe-export.conf
	install -m 644 systemd/goprobe.tmpfiles \
		$(DESTDIR)$(TMPFILESDIR)/goprobe.conf
	$(Q)$(foreach u,$(UNITS),$(call with-folders,$(u),$(DESTDIR)$(UNITDIR)/$(notdir $(u))) && \
		chmod 644 '$(DESTDIR)$(UNITDIR)/$(notdir $(u))' &&) true
	$(Q)sed $(STANDIN) '$(DESTDIR)$(UNITDIR)/goprobe-capture@.service' \
		>'$(DESTDIR)$(UNITDIR)/goprobe-standin@.service' && \
		chmod 644 '$(DESTDIR)$(UNITDIR)/goprobe-standin@.service'
	$(Q)$(call with-folders,systemd/apply.sh,$(DESTDIR)$(LIBEXECDIR)/goprobe-apply)
	$(Q)chmod 755 $(DESTDIR)$(LIBEXECDIR)/goprobe-apply
install: install-systemd

uninstall-systemd:
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITS)) \
		goprobe-standin@.service) \
		$(DESTDIR)$(GENERATORDIR)/goprobe-generator \
		$(DESTDIR)$(SYSUSERSDIR)/goprobe.conf \
		$(DESTDIR)$(SYSUSERSDIR)/goprobe-export.conf \
		$(DESTDIR)$(TMPFILESDIR)/goprobe.conf \
		$(DESTDIR)$(LIBEXECDIR)/goprobe-apply
	@rmdir $(DESTDIR)$(LIBEXECDIR) 2>/dev/null || true
uninstall: uninstall-systemd
