# The simulator: `make sim` builds $(BUILD)/test/mms-sim.
SIM_SOURCES := $(sort $(wildcard test/sim/*.c))
SIM_OBJECTS := $(SIM_SOURCES:test/sim/%.c=$(BUILD)/sim/%.o)
SIM_LAYERS := $(foreach folder,base crypto proto msg node,$(filter $(BUILD)/obj/$(folder)/%,$(OBJECTS))) \
	      $(filter $(BUILD)/obj/store/users_%,$(OBJECTS))
SIM_WRAPS = crypto_aead_chacha20poly1305_ietf_encrypt crypto_scalarmult crypto_scalarmult_base server_called \
	    server_answered server_heard listener_answer listener_defer listener_call callee_recv_call

.PHONY: sim
sim: $(BUILD)/test/mms-sim

$(BUILD)/sim/%.o: test/sim/%.c Makefile test/sim/sim.mk
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CFLAGS_ALL) -Itest/sim -MMD -MP -c -o $@ $<

$(BUILD)/test/mms-sim: $(SIM_OBJECTS) $(SIM_LAYERS)
	@mkdir -p $(@D)
	$(call QUIET,LD)$(CC) $(SANITIZE) $(SIM_WRAPS:%=-Wl,--wrap=%) -o $@ $^ -lsodium

# The stateful fuzzer is a simulator whose decisions are the fuzzer's bytes; the rest of its rules are test/fuzz/fuzz.mk's.
SIM_FUZZ_OBJECTS := $(patsubst test/sim/%.c,$(BUILD)/fuzz/sim/%.o,$(filter-out %/main.c %/acceptance.c,$(SIM_SOURCES)))

$(BUILD)/fuzz/sim/%.o: test/sim/%.c Makefile test/sim/sim.mk test/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call QUIET,FUZZCC)$(FUZZ_CC) $(FUZZ_CFLAGS) -Itest/sim -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/fuzz_sim: test/fuzz/fuzz_sim.c $(SIM_FUZZ_OBJECTS) $(BUILD)/fuzz/product.a
	$(call QUIET,FUZZ)$(FUZZ_CC) $(FUZZ_CFLAGS) -Itest/sim -fsanitize=fuzzer $(SIM_WRAPS:%=-Wl,--wrap=%) -o $@ $< \
		$(SIM_FUZZ_OBJECTS) $(BUILD)/fuzz/product.a -lsodium

-include $(SIM_FUZZ_OBJECTS:.o=.d) $(SIM_OBJECTS:.o=.d)
