# The fuzzers, which tools/fuzz runs: the product without main, built by clang with libFuzzer's coverage and both
# sanitizers. From an archive, so that each has only the objects it takes: all that is counted costs time in every
# execution. Comparisons are not traced: that is slow, and the inputs are made of small numbers.
FUZZ_CC = clang
FUZZ_SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS = $(filter-out -D_FORTIFY_SOURCE=%,$(CFLAGS_ALL)) -Itest/fuzz -fno-omit-frame-pointer $(FUZZ_SANITIZE)
FUZZ_SOURCES := $(sort $(wildcard test/fuzz/fuzz_*.c))
FUZZERS := $(FUZZ_SOURCES:test/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_OBJECTS := $(patsubst src/%.c,$(BUILD)/fuzz/obj/%.o,$(filter-out src/cmd/main.c,$(SOURCES)))

.PHONY: fuzzers
fuzzers: $(FUZZERS)

$(BUILD)/fuzz/obj/%.o: src/%.c Makefile test/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call QUIET,FUZZCC)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp \
		-MMD -MP -c -o $@ $<

$(BUILD)/fuzz/product.a: $(FUZZ_OBJECTS)
	$(call QUIET,AR)rm -f $@ && ar rcs $@ $(FUZZ_OBJECTS)

$(BUILD)/fuzz/curve.o: test/fuzz/curve.c Makefile test/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call QUIET,FUZZCC)$(FUZZ_CC) $(FUZZ_CFLAGS) -c -o $@ $<

$(BUILD)/fuzz/fuzz_%: test/fuzz/fuzz_%.c $(BUILD)/fuzz/curve.o $(BUILD)/fuzz/product.a
	$(call QUIET,FUZZ)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(BUILD)/fuzz/curve.o \
		$(BUILD)/fuzz/product.a $(LDLIBS_ALL)

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZERS:=.d)
