# SPDX-License-Identifier: Apache-2.0
#
# make                          the program, in build/
# make check                    unit tests and the mounted suite with the present flags
# make check-unit               unit tests alone: without root and without /dev/fuse
# make lint                     clang-format, clang-tidy, shellcheck, mandoc, fences
# make analyze                  cppcheck, gcc -fanalyzer
# make install DESTDIR= PREFIX=     and uninstall, with the same two; install-connector: without the daemon
# make deb                      Debian packages, in build/deb
# make SANITIZE=address,undefined   (or thread): a build of its own, in build/<sanitizers>

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/lib/enrollfs
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
DESTDIR ?=
CC ?= cc
CPPFLAGS ?=
CFLAGS ?= -O2 -g
LDFLAGS ?=
SANITIZE ?=
WERROR ?=
V ?=

# The only place; make lint compares what else says it.
VERSION := 0.1.0
comma := ,
BUILD := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
PKG_CONFIG ?= pkg-config
Q := $(if $(V),,@)

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wwrite-strings $(if $(WERROR),-Werror)
# _FORTIFY_SOURCE hides accesses from the sanitizers, so it is one or the other.
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
HARDEN_LD := -pie -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE))

LIB_CFLAGS := $(shell $(PKG_CONFIG) --cflags fuse3 sqlite3 libpq jansson libcrypto libseccomp libcap-ng)
FUSE_LIBS := $(shell $(PKG_CONFIG) --libs fuse3)
DB_LIBS := $(shell $(PKG_CONFIG) --libs sqlite3)
JSON_LIBS := $(shell $(PKG_CONFIG) --libs jansson)
CRYPTO_LIBS := $(shell $(PKG_CONFIG) --libs libcrypto)
CAPNG_LIBS := $(shell $(PKG_CONFIG) --libs libcap-ng)
SECCOMP_LIBS := $(shell $(PKG_CONFIG) --libs libseccomp)

BASE_CFLAGS := -std=gnu11 -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314 \
	-DENROLLFS_VERSION='"$(VERSION)"' $(LIB_CFLAGS) -pthread $(WARN) $(HARDEN) -MMD -MP

# CPPFLAGS first: a packager's _FORTIFY_SOURCE gives way to ours without a warning.
COMPILE = $(CC) $(CPPFLAGS) $(BASE_CFLAGS) $(CFLAGS)

BASE_SRC := $(wildcard store/base/*.c)
PKI_SRC := $(wildcard store/pki/*.c)
DB_SRC := $(wildcard store/db/*.c store/db/sqlite/*.c store/db/pg/*.c)
STORE_SRC := $(wildcard store/*.c store/objects/*.c store/enroll/*.c store/lists/*.c store/backup/*.c)
FS_SRC := $(wildcard fs/*.c)
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

SRC := $(BASE_SRC) $(PKI_SRC) $(DB_SRC) $(STORE_SRC) $(FS_SRC)
HEADERS := $(wildcard fs/*.h store/*.h store/*/*.h store/*/*/*.h)
TESTS_SRC := $(wildcard tests/unit/*.c)
PROGRAM := $(BUILD)/enrollfs
TOOLS_SRC := $(wildcard store/tools/*.c)
TOOLS := $(patsubst %,$(BUILD)/%.enrollfs,mkfs fsck)

BENCH_SRC := $(wildcard tests/bench/*.c)
MANUAL := $(wildcard fs/*.[1-9] store/tools/*.[1-9] scripts/*.[1-9])

all: $(PROGRAM) $(TOOLS)

$(PROGRAM): $(call objects,$(SRC))
	@echo "  LD   $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN_LD) -pthread -o $@ $^ $(LDFLAGS) $(FUSE_LIBS) $(SECCOMP_LIBS) $(DB_LIBS) $(JSON_LIBS) $(CRYPTO_LIBS) $(CAPNG_LIBS)

# mkfs and fsck: the store without the filesystem.
$(TOOLS): $(BUILD)/%.enrollfs: $(BUILD)/store/tools/%.o $(BUILD)/store/tools/tool.o $(call objects,$(BASE_SRC) $(PKI_SRC) $(DB_SRC) $(STORE_SRC))
	@echo "  LD   $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN_LD) -pthread -o $@ $^ $(LDFLAGS) $(DB_LIBS) $(JSON_LIBS) $(CRYPTO_LIBS) $(CAPNG_LIBS)

# Objects depend on the flags they were made with, so that changed ones are never mixed.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' > $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(COMPILE) -c -o $@ $<

# What it embeds.
$(BUILD)/store/lists/page.o: $(addprefix store/lists/page/page.,html css js)

# A unit test links one fence alone: tests/unit/<fence>_<subject>.c.
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(TESTS_SRC))
unit_pki := $(BASE_SRC) $(PKI_SRC)
unit_db := $(BASE_SRC) $(DB_SRC)
unit_store := $(BASE_SRC) $(PKI_SRC) $(DB_SRC) $(STORE_SRC)
unit_base := $(BASE_SRC)
# All of fs/ that needs neither FUSE nor a process of its own, with the store.
unit_fs := $(filter-out fs/main.c fs/options.c fs/loop.c fs/ops%.c fs/guard.c fs/confine.c fs/stale_mount.c,$(SRC))
unit_confine := $(BASE_SRC) fs/confine.c
libs_pki := $(CRYPTO_LIBS)
libs_db := $(DB_LIBS)
libs_store := $(CRYPTO_LIBS) $(DB_LIBS) $(JSON_LIBS)
libs_confine := $(SECCOMP_LIBS)
libs_fs := $(CRYPTO_LIBS) $(DB_LIBS) $(JSON_LIBS)

fence = $(firstword $(subst _, ,$(notdir $(1))))
.SECONDEXPANSION:
$(UNIT): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $$(call objects,$$(unit_$$(call fence,$$@)))
	@echo "  LD   $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN_LD) -pthread -o $@ $^ $(LDFLAGS) $(libs_$(call fence,$@)) $(CAPNG_LIBS) -lcmocka

units: $(UNIT)

check: $(PROGRAM) $(TOOLS) $(UNIT) $(BUILD)/bench
	scripts/test $(BUILD)

check-unit: $(UNIT)
	scripts/test $(BUILD) units

# What scripts/bench runs.
$(BUILD)/bench: $(call objects,$(BENCH_SRC) $(BASE_SRC) $(PKI_SRC))
	@echo "  LD   $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN_LD) -pthread -o $@ $^ $(LDFLAGS) $(DB_LIBS) $(JSON_LIBS) $(CRYPTO_LIBS) $(CAPNG_LIBS)

bench: $(PROGRAM) $(TOOLS) $(BUILD)/bench

# clang's libFuzzer on the parsers of outside bytes; FUZZ_SECONDS each.
fuzz:
	scripts/fuzz

# Versions of clang-format break lines differently: one decides.
FORMAT := 14
SHELL_SCRIPTS = $(shell grep -slE '^\#!/bin/(ba|da)?sh' scripts/* scripts/debian/* .ci/* tests/mount/*.sh) \
	$(wildcard scripts/completion/*.bash tests/mount/*.bash)

# In tests word splitting and subshells are meant; ls and grep of it (SC2010) is what they test.
# clang-tidy counts on stderr the warnings about other people's headers, which it does not show.
lint: $(PROGRAM) $(TOOLS)
	$(Q)grep -q '^VERSION=$(VERSION) ' scripts/connector-enroll || \
		{ echo 'lint: scripts/connector-enroll has another VERSION than the Makefile' >&2; exit 1; }
	scripts/layers
	scripts/layers --self-test
	scripts/layers --linked $(BUILD)
	shellcheck -x $(SHELL_SCRIPTS)
	shellcheck -S warning -e SC2010 tests/mount/*.bats
	$(Q)if command -v mandoc > /dev/null; then \
		! mandoc -T lint $(MANUAL) 2> /dev/null | grep -v 'referenced manual not found'; \
	else \
		echo 'skipped: mandoc, which reads the manual pages, is not here'; \
	fi
	$(Q)if clang-format --version | grep -q 'version $(FORMAT)\.'; then \
		clang-format --dry-run --Werror $(SRC) $(TOOLS_SRC) $(HEADERS) $(TESTS_SRC) $(wildcard tests/fuzz/*.[ch] tests/bench/*.[ch]); \
	else \
		echo 'skipped: the format is that of clang-format $(FORMAT), which is not here'; \
	fi
	@mkdir -p build/tidy
	@printf '%s\n' -I'$(CURDIR)' $(filter-out -MMD -MP -I.,$(CPPFLAGS) $(BASE_CFLAGS)) > build/tidy/compile_flags.txt
	$(Q)printf '%s\n' $(SRC) $(TOOLS_SRC) | xargs -P $$(nproc) -n 4 clang-tidy -p build/tidy --quiet 2> build/tidy/said; rc=$$?; \
		grep -vE '^[0-9]+ warnings? generated\.$$|Processing file' build/tidy/said >&2; exit $$rc

# OpenSSL's templates are no C before they are expanded, and asn1.c has nothing else. user.c is done
# before there are threads. Of version 2.17: asprintf that failed leaves nothing to free, nor does fdopen
# close.
CPPCHECK := cppcheck --quiet --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
	--std=c11 --library=posix,gnu,openssl,sqlite3 '-DDECLARE_ASN1_FUNCTIONS(x)=' -i store/pki/asn1.c \
	--suppress=normalCheckLevelMaxBranches --suppress=unmatchedSuppression \
	--suppress=memleak:store/base/path.c \
	--suppress=doubleFree:store/backup/reader.c $(foreach f,getpwuid getpwnam getpwent readdir,--suppress=$(f)Called:store/base/user.c)

# All of gcc's checks, after its own optimisation: without, it loses track of what is passed on.
analyze:
	$(CPPCHECK) $(filter -I% -D%,$(CPPFLAGS) $(BASE_CFLAGS)) fs store
	$(Q)$(MAKE) -s CC=gcc BUILD=build/analyze WERROR=1 CFLAGS='-O2 -fanalyzer' objects

# It loses track of what is put into an array of pointers, into a list of a list, or into pthread_setspecific.
build/analyze/fs/fair.o build/analyze/fs/quota.o build/analyze/store/db/pg/engine.o build/analyze/store/db/sqlite/vfs.o: override CFLAGS += -Wno-analyzer-malloc-leak
# The process ends where it does not close its pipe.
build/analyze/fs/main.o: override CFLAGS += -Wno-analyzer-fd-leak

objects: $(call objects,$(SRC) $(TOOLS_SRC))

# --- installing ---

BASH_COMPLETIONS := enrollfs mkfs.enrollfs fsck.enrollfs echo
CONNECTOR_MANUAL := $(filter scripts/%,$(MANUAL))
manual_path = $(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
install_manual = for page in $(1); do install -D -m 0644 -t $(DESTDIR)$(MANDIR)/man$${page\#\#*.} $$page || exit; done
# These name other files that are installed.
install_edited = mkdir -p $(BUILD) && \
	sed 's,/usr/local/sbin,$(SBINDIR),; s,/usr/local/bin,$(BINDIR),; s,/usr/local/lib/enrollfs,$(LIBEXECDIR),' $(2) > $(BUILD)/$(notdir $(2)) && \
	install -D -m $(1) $(BUILD)/$(notdir $(2)) $(DESTDIR)$(3)/$(notdir $(2))

install: install-daemon install-connector

install-daemon: $(PROGRAM) $(TOOLS)
	install -D -m 0755 $(PROGRAM) $(DESTDIR)$(SBINDIR)/enrollfs
	install -m 0755 $(TOOLS) $(DESTDIR)$(SBINDIR)
	$(call install_edited,0755,scripts/enrollfs-serve,$(LIBEXECDIR))
	$(call install_edited,0644,scripts/enrollfs.service,$(UNITDIR))
	install -D -m 0644 scripts/enrollfs.sysusers $(DESTDIR)$(SYSUSERSDIR)/enrollfs.conf
	install -D -m 0644 scripts/completion/enrollfs.bash $(DESTDIR)$(BASHDIR)/enrollfs
	for name in $(filter-out enrollfs,$(BASH_COMPLETIONS)); do ln -sf enrollfs $(DESTDIR)$(BASHDIR)/$$name; done
	install -D -m 0644 -t $(DESTDIR)$(ZSHDIR) scripts/completion/_enrollfs scripts/completion/_enrollfs_values
	$(call install_manual,$(filter-out scripts/%,$(MANUAL)))

install-connector:
	install -D -m 0755 scripts/connector-enroll $(DESTDIR)$(BINDIR)/connector-enroll
	$(call install_edited,0644,scripts/connector-enroll.service,$(UNITDIR))
	install -D -m 0644 scripts/connector-enroll.timer $(DESTDIR)$(UNITDIR)/connector-enroll.timer
	install -D -m 0644 scripts/completion/connector-enroll.bash $(DESTDIR)$(BASHDIR)/connector-enroll
	install -D -m 0644 -t $(DESTDIR)$(ZSHDIR) scripts/completion/_connector-enroll
	$(call install_manual,$(CONNECTOR_MANUAL))

INSTALLED := $(addprefix $(SBINDIR)/,enrollfs mkfs.enrollfs fsck.enrollfs) $(BINDIR)/connector-enroll \
	$(LIBEXECDIR)/enrollfs-serve $(SYSUSERSDIR)/enrollfs.conf \
	$(addprefix $(UNITDIR)/,enrollfs.service connector-enroll.service connector-enroll.timer) \
	$(addprefix $(BASHDIR)/,$(BASH_COMPLETIONS) connector-enroll) \
	$(addprefix $(ZSHDIR)/,_enrollfs _enrollfs_values _connector-enroll) \
	$(foreach page,$(MANUAL),$(call manual_path,$(page)))

# Stores, their keys and the user stay.
uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	rmdir $(DESTDIR)$(LIBEXECDIR) 2> /dev/null || :

# Debian's tools want debian/ at the top: they get a copy of what the programs are made of, and none
# of this make's variables.
PACKAGED := LICENSE Makefile README.md fs store scripts
deb: build/deb/made
build/deb/made: $(shell find $(PACKAGED) -type f)
	rm -rf $(@D)
	mkdir -p $(@D)/enrollfs
	cp -a $(PACKAGED) $(@D)/enrollfs
	mv $(@D)/enrollfs/scripts/debian $(@D)/enrollfs
	sed -i 's/@VERSION@/$(VERSION)/' $(@D)/enrollfs/debian/changelog
	cd $(@D)/enrollfs && env -u MAKEFLAGS -u BUILD -u SANITIZE dpkg-buildpackage -b -us -uc
	touch $@

clean:
	rm -rf build

FORCE:
.PHONY: all units check check-unit bench fuzz lint analyze objects install install-daemon install-connector \
	uninstall deb clean FORCE
.SECONDARY:
-include $(patsubst %.o,%.d,$(call objects,$(SRC) $(TOOLS_SRC) $(TESTS_SRC) $(BENCH_SRC)))
