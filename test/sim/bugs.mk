# Deliberate bugs for the simulator to find: `make $(BUILD)/bugs/NAME/mms-sim` builds it with test/sim/bugs/NAME.patch, applied
# to copies of the files that the patch names. The objects of all other files are those of the simulator itself.
BUG_FILES = $$(sed -n 's,^+++ b/,,p' $<)

$(BUILD)/bugs/%/mms-sim: test/sim/bugs/%.patch $(BUILD)/test/mms-sim test/sim/bugs.mk
	@rm -rf $(@D) && mkdir -p $(@D)
	@cp --parents $(BUG_FILES) $(@D)
	@cd $(@D) && GIT_CEILING_DIRECTORIES="$$(cd .. && pwd -P)" git apply "$(abspath $<)" || \
		{ echo "$< does not apply any more: the code it spoils has changed, so make it anew" >&2; exit 1; }
	$(call QUIET,BUG)objects="$(SIM_OBJECTS) $(SIM_LAYERS)"; \
	for file in $(BUG_FILES); do \
		object=$$(echo "$$file" | sed 's,^src/,$(BUILD)/obj/,; s,^test/sim/,$(BUILD)/sim/,; s,c$$,o,'); \
		$(CC) $(CFLAGS_ALL) -Itest/sim -c -o "$(@D)/$$file.o" "$(@D)/$$file" || exit 1; \
		objects=$$(echo " $$objects " | sed "s, $$object , $(@D)/$$file.o ,"); \
	done; \
	$(CC) $(SANITIZE) $(SIM_WRAPS:%=-Wl,--wrap=%) -o $@ $$objects -lsodium
