# MMS: `make` builds build/mms. tools/demo shows it at work and tools/check runs every test; both install what is missing, make
# itself included, so the targets of these names are only short for them.
# The lists of packages stand in tools/packages; nothing is written outside build/ and the temporary directory.

BUILD ?= build
ifeq ($(origin CC),default)
CC = gcc
endif
# `make V=1` shows the commands whole.
ifeq ($(V),)
QUIET = @echo '  $(1) $@';
endif
OPT ?= -O2 -g
SANITIZE ?=
WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
       -Wold-style-definition -Wformat=2 -Wundef -Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings -Werror
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE -Isrc $(OPT) $(WARN) -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fno-common \
             -UNDEBUG $(SANITIZE) $(CFLAGS)
LDLIBS_ALL = -lsodium -lsqlite3 -ledit -ljansson $(LDLIBS)

FOLDERS = base os crypto store proto msg node ui cmd
SOURCES := $(foreach folder,$(FOLDERS),$(sort $(wildcard src/$(folder)/*.c)))
OBJECTS := $(SOURCES:src/%.c=$(BUILD)/obj/%.o)
LIBRARY := $(filter-out $(BUILD)/obj/cmd/main.o,$(OBJECTS))
UNIT_SOURCES := $(sort $(wildcard test/unit/test_*.c))
UNIT_TESTS := $(UNIT_SOURCES:test/unit/%.c=$(BUILD)/test/%)

.PHONY: all demo check check-long unit-tests vectors clean
all: $(BUILD)/mms

$(BUILD)/mms: $(OBJECTS)
	$(call QUIET,LD)$(CC) $(SANITIZE) -o $@ $(OBJECTS) $(LDLIBS_ALL)

$(BUILD)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/test/%: test/unit/%.c $(LIBRARY) Makefile
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CFLAGS_ALL) -Itest/unit -MMD -MP -o $@ $< $(filter %.o,$^) $(WRAPS:%=-Wl,--wrap=%) -lcmocka \
		$(LDLIBS_ALL)

# What a test counts the calls of.
$(BUILD)/test/test_admission: WRAPS = crypto_scalarmult crypto_scalarmult_base hash_bytes_256 hash_cookie hash_table_key \
	map_find map_next map_put map_remove
$(BUILD)/test/test_listener: WRAPS = session_recv session_poll session_send session_deadline session_tick session_has_event

# The simulator's store, which is held against the real one.
$(BUILD)/test/test_server_store_twin: $(addprefix $(BUILD)/sim/server_disk,.o _answer.o _change.o _line.o _list.o _mailbox.o _people.o _room.o)

# Count the work of what is below: src/base, src/proto and src/msg, built so that each branch taken calls a counter.
# Always with -O2: what counts as a branch is the optimiser's to say.
PLAIN := $(filter $(BUILD)/obj/base/% $(BUILD)/obj/proto/% $(BUILD)/obj/msg/%,$(OBJECTS))
COUNTED := $(PLAIN:$(BUILD)/obj/%=$(BUILD)/counted/%)

$(BUILD)/counted/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CFLAGS_ALL) -O2 -fsanitize-coverage=trace-pc -MMD -MP -c -o $@ $<

$(BUILD)/test/test_work $(BUILD)/test/test_server_work: $(BUILD)/test/%: test/unit/%.c $(COUNTED) $(LIBRARY) Makefile
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CFLAGS_ALL) -Itest/unit -MMD -MP -o $@ $< $(COUNTED) $(filter-out $(PLAIN),$(LIBRARY)) \
		-lcmocka $(LDLIBS_ALL)

# The core as a browser will run it: what is pure, and the device's half of node, compiled and linked for WebAssembly (doc/design.md,
# "Layers"). Of what is not wasi-libc only libsodium may be missing: Debian does not have it for this machine.
WASM_TARGET = wasm32-wasi
WASM_SOURCES := $(foreach folder,base crypto proto msg,$(wildcard src/$(folder)/*.c)) $(wildcard src/node/device_*.c)
WASM_OBJECTS := $(WASM_SOURCES:src/%.c=$(BUILD)/wasm/%.o)
WASM_FLAGS = --target=$(WASM_TARGET) -nostdlibinc -isystem /usr/include/$(WASM_TARGET) -isystem $(BUILD)/wasm/include \
	     $(filter-out -fstack-protector-strong,$(CFLAGS_ALL))

.PHONY: wasm
wasm: $(BUILD)/wasm/core.wasm

# libsodium's headers alone: what else stands beside them is another system's.
$(BUILD)/wasm/include/sodium.h:
	@mkdir -p $(@D)
	@ln -sfn /usr/include/sodium $(@D)/sodium && ln -sf /usr/include/sodium.h $@

$(BUILD)/wasm/sodium.names:
	@mkdir -p $(@D)
	@nm -D -P --defined-only "$$($(CC) -print-file-name=libsodium.so)" | cut -d ' ' -f 1 > $@

$(BUILD)/wasm/%.o: src/%.c Makefile $(BUILD)/wasm/include/sodium.h
	@mkdir -p $(@D)
	$(call QUIET,WASM)clang $(WASM_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/wasm/core.wasm: $(WASM_OBJECTS) $(BUILD)/wasm/sodium.names
	$(call QUIET,LD)clang --target=$(WASM_TARGET) -mexec-model=reactor -Wl,--no-gc-sections \
		-Wl,--allow-undefined-file=$(BUILD)/wasm/sodium.names -o $@ $(WASM_OBJECTS)

# Not tests themselves: what test/e2e/test_terminal.py types at, what makes the test vectors, and what tools/datagram_cost and call_cost count.
$(BUILD)/test/terminal_driver $(BUILD)/test/make_vectors $(BUILD)/test/datagram_cost $(BUILD)/test/call_cost: $(BUILD)/test/%: test/tools/%.c $(LIBRARY) Makefile
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CFLAGS_ALL) -MMD -MP -o $@ $< $(LIBRARY) $(LDLIBS_ALL)

# A name server for test/e2e/test_life.py.
$(BUILD)/test/names_stub.so: test/tools/names_stub.c Makefile
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(filter-out -Wpedantic $(SANITIZE),$(CFLAGS_ALL)) -fPIC -shared -o $@ $< -ldl

# The tests of what has threads, which run under the thread sanitizer too.
THREAD_TESTS = test_os_job test_os_resolver test_store_thread
.PHONY: threads
threads: $(THREAD_TESTS:%=$(BUILD)/test/%)

demo:
	@tools/demo

check:
	@tools/check

# tools/check_long 8h: simulator, fuzzers, crashes and the model for so long.
TIME ?= 8h
check-long:
	@tools/check_long $(TIME)

unit-tests: $(UNIT_TESTS) $(BUILD)/test/terminal_driver $(BUILD)/test/make_vectors $(BUILD)/test/datagram_cost $(BUILD)/test/call_cost \
	    $(BUILD)/test/names_stub.so

vectors: $(BUILD)/test/make_vectors
	$(BUILD)/test/make_vectors > doc/vectors.json

clean:
	rm -rf $(BUILD)

# Each kind of test beyond the unit tests brings its own rules.
include $(wildcard test/*/*.mk)

-include $(OBJECTS:.o=.d) $(COUNTED:.o=.d) $(WASM_OBJECTS:.o=.d) $(UNIT_TESTS:=.d)
