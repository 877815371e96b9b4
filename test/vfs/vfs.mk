# mms-vfs: the real stores on disks that lose power and fail (test/vfs/main.c). `make vfs` builds it.
VFS_SOURCES := $(sort $(wildcard test/vfs/*.c))
VFS_OBJECTS := $(VFS_SOURCES:test/vfs/%.c=$(BUILD)/obj-vfs/%.o)
VFS_WRAP = -Wl,--wrap=calloc,--wrap=strdup,--wrap=strndup,--wrap=fstatvfs,--wrap=sqlite3_step
VFS_STORE = $(filter-out $(BUILD)/obj/store/users_%,$(filter $(BUILD)/obj/store/% $(BUILD)/obj/base/%,$(OBJECTS)))

.PHONY: vfs
vfs: $(BUILD)/test/mms-vfs

$(BUILD)/obj-vfs/%.o: test/vfs/%.c Makefile test/vfs/vfs.mk
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CFLAGS_ALL) -Itest/vfs -MMD -MP -c -o $@ $<

$(BUILD)/test/mms-vfs: $(VFS_OBJECTS) $(VFS_STORE)
	@mkdir -p $(@D)
	$(call QUIET,LD)$(CC) $(SANITIZE) $(VFS_WRAP) -o $@ $^ -lsqlite3 $(LDLIBS)

-include $(VFS_OBJECTS:.o=.d)
