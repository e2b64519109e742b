# The front door: installs what is missing, then calls Meson, which does the work.
# On an empty machine `make run` and `make test` are all there is to know.

BUILD  = build
PREFIX = /usr/local
ADDR   = localhost:4481
DEPS   = tools/deps

.PHONY: all run test check bench install deps clean help

all: $(BUILD)/build.ninja
	@meson compile -C $(BUILD)

run: $(BUILD)/build.ninja       ## serve an echo on localhost:4481 (ADDR=…)
	@meson compile -C $(BUILD) hark:executable
	@echo "hark serve --echo $(ADDR)     try: echo ohai | nc -N $(subst :, ,$(ADDR))"
	@exec $(BUILD)/hark serve --echo $(ADDR)

test: deps-test all             ## the whole suite: C, shell, examples, replayed corpora
	@meson test -C $(BUILD) || { tools/totals --failed $(BUILD)/meson-logs/testlog.json; exit 1; }

check:                          ## make test, then every slower check, as CI does
	@.ci/run

bench: deps-bench all           ## what it costs: programs beside other servers, the engine beside loops
	@HARK=$(abspath $(BUILD))/hark bench/run

install: all                    ## into PREFIX (/usr/local), or below DESTDIR
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@meson install -C $(BUILD)
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

deps: deps-ci                   ## install all that run, test and check need

deps-%:
	@$(DEPS) $*

clean:                          ## remove the build directory
	@rm -rf $(BUILD)

help:                           ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

# Meson looks after its own changes from here on.
$(BUILD)/build.ninja:
	@$(DEPS) run
	@meson setup $(BUILD)
