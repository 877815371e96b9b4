# The simulator: `make sim` builds $(BUILD)/test/mms-sim.
SIM_SOURCES := $(sort $(wildcard test/sim/*.c))
SIM_OBJECTS := $(SIM_SOURCES:test/sim/%.c=$(BUILD)/sim/%.o)
SIM_LAYERS := $(foreach folder,base crypto proto msg node,$(filter $(BUILD)/obj/$(folder)/%,$(OBJECTS)))
SIM_WRAPS = crypto_aead_chacha20poly1305_ietf_encrypt crypto_scalarmult crypto_scalarmult_base server_call \
	    listener_answer listener_defer

.PHONY: sim
sim: $(BUILD)/test/mms-sim

$(BUILD)/sim/%.o: test/sim/%.c Makefile test/sim/sim.mk
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CFLAGS_ALL) -Itest/sim -MMD -MP -c -o $@ $<

$(BUILD)/test/mms-sim: $(SIM_OBJECTS) $(SIM_LAYERS)
	@mkdir -p $(@D)
	$(call QUIET,LD)$(CC) $(SANITIZE) $(SIM_WRAPS:%=-Wl,--wrap=%) -o $@ $^ -lsodium

-include $(SIM_OBJECTS:.o=.d)
