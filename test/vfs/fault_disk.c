// SPDX-License-Identifier: ISC
// The disk in memory: files, names, what is pending and what a power loss leaves; the contract is in fault_disk.h.
#include "fault_disk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR_BYTES = 512 };

// The tests cannot go on without memory of their own; only the program's allocations are made to fail.
static void *must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

void *fault_zeroed(size_t bytes)
{
	// calloc is the program's, which can be made to fail; without `volatile` a compiler makes calloc of this.
	void *volatile memory = must(malloc(bytes));
	return memset(memory, 0, bytes);
}

// Room for one more element of `bytes` in an array that doubles.
static void *grow(void *array, size_t count, size_t *room, size_t bytes)
{
	if (count < *room)
		return array;
	*room = *room == 0 ? 8 : 2 * *room;
	return must(realloc(array, *room * bytes));
}

// --- bytes ---

static void bytes_resize(struct fault_bytes *bytes, size_t size)
{
	if (size > bytes->room_bytes) {
		bytes->room_bytes = size > 2 * bytes->room_bytes ? size : 2 * bytes->room_bytes;
		bytes->data = must(realloc(bytes->data, bytes->room_bytes));
	}
	if (size > bytes->bytes)
		memset(bytes->data + bytes->bytes, 0, size - bytes->bytes);
	bytes->bytes = size;
}

static void bytes_copy(struct fault_bytes *target, const struct fault_bytes *source)
{
	bytes_resize(target, source->bytes);
	if (source->bytes > 0)
		memcpy(target->data, source->data, source->bytes);
}

static void bytes_apply(struct fault_bytes *target, const struct fault_change *change)
{
	const size_t end = (size_t)change->offset + change->bytes;
	if (change->data == NULL) {
		bytes_resize(target, (size_t)change->offset);
		return;
	}
	if (target->bytes < end)
		bytes_resize(target, end);
	memcpy(target->data + change->offset, change->data, change->bytes);
}

// --- files ---

struct fault_inode *fault_inode_new(void)
{
	struct fault_inode *inode = fault_zeroed(sizeof *inode);
	inode->users = 1;
	return inode;
}

static void forget_changes(struct fault_inode *inode)
{
	for (size_t i = 0; i < inode->change_count; i++)
		free(inode->change[i].data);
	inode->change_count = 0;
}

void fault_inode_release(struct fault_inode *inode)
{
	if (inode == NULL || --inode->users > 0)
		return;
	assert(inode->shm_users == 0);
	forget_changes(inode);
	free(inode->change);
	free(inode->now.data);
	free(inode->durable.data);
	free(inode);
}

static void add_change(struct fault_inode *inode, uint64_t offset, const void *data, size_t bytes)
{
	struct fault_change change = {.offset = offset, .bytes = bytes};
	assert(data != NULL || bytes == 0);
	if (data != NULL) {
		change.data = must(malloc(bytes + 1));
		memcpy(change.data, data, bytes);
	}
	inode->change = grow(inode->change, inode->change_count, &inode->change_room, sizeof change);
	inode->change[inode->change_count++] = change;
}

void fault_inode_change(struct fault_inode *inode, uint64_t offset, const void *data, size_t bytes)
{
	add_change(inode, offset, data, bytes);
	bytes_apply(&inode->now, &inode->change[inode->change_count - 1]);
}

// A write of which each sector is done or not.
static void apply_torn(struct fault_bytes *target, const struct fault_change *change, struct draw *draw)
{
	size_t done = 0;
	while (done < change->bytes) {
		const uint64_t offset = change->offset + done;
		const size_t to_edge = SECTOR_BYTES - (size_t)(offset % SECTOR_BYTES);
		const size_t bytes = to_edge < change->bytes - done ? to_edge : change->bytes - done;
		const struct fault_change sector = {offset, bytes, change->data + done};
		if (draw_percent(draw, 50))
			bytes_apply(target, &sector);
		done += bytes;
	}
}

// The pending changes that a power loss leaves, onto `target`.
static void apply_some(struct fault_bytes *target, const struct fault_inode *inode, enum fault_loss loss,
		       struct draw *draw)
{
	static const uint8_t kept_percents[] = {10, 50, 90};
	const uint64_t kept_percent = kept_percents[draw_below(draw, sizeof kept_percents)];
	for (size_t i = 0; i < inode->change_count; i++) {
		const struct fault_change *change = &inode->change[i];
		if (!draw_percent(draw, kept_percent))
			continue;
		if (loss == LOSS_TORN && change->data != NULL && draw_percent(draw, 50))
			apply_torn(target, change, draw);
		else
			bytes_apply(target, change);
	}
}

void fault_inode_sync(struct fault_inode *inode, struct draw *draw, bool has_failed)
{
	if (has_failed)
		apply_some(&inode->durable, inode, LOSS_TORN, draw);
	for (size_t i = 0; i < inode->change_count && !has_failed; i++)
		bytes_apply(&inode->durable, &inode->change[i]);
	forget_changes(inode);
}

// --- names ---

static struct fault_entry *find_entry(const struct fault_entries *entries, const char *name)
{
	for (size_t i = 0; i < entries->count; i++) {
		if (strcmp(entries->entry[i].name, name) == 0)
			return &entries->entry[i];
	}
	return NULL;
}

static void add_entry(struct fault_entries *entries, const char *name, struct fault_inode *inode)
{
	struct fault_entry entry = {.inode = inode};
	const int length = snprintf(entry.name, sizeof entry.name, "%s", name);
	assert(length > 0 && (size_t)length < sizeof entry.name);
	if (inode != NULL)
		inode->users++;
	entries->entry = grow(entries->entry, entries->count, &entries->room, sizeof entry);
	entries->entry[entries->count++] = entry;
}

static void set_entry(struct fault_entries *entries, const char *name, struct fault_inode *inode)
{
	struct fault_entry *entry = find_entry(entries, name);
	if (entry == NULL) {
		add_entry(entries, name, inode);
		return;
	}
	if (inode != NULL)
		inode->users++;
	fault_inode_release(entry->inode);
	entry->inode = inode;
}

static void forget_entries(struct fault_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		fault_inode_release(entries->entry[i].inode);
	entries->count = 0;
}

struct fault_inode *fault_disk_find(struct fault_disk *disk, const char *name)
{
	const struct fault_entry *entry = find_entry(&disk->now, name);
	return entry == NULL ? NULL : entry->inode;
}

void fault_disk_link(struct fault_disk *disk, const char *name, struct fault_inode *inode)
{
	set_entry(&disk->now, name, inode);
	add_entry(&disk->change, name, inode);
}

void fault_disk_sync(struct fault_disk *disk, bool has_failed)
{
	for (size_t i = 0; i < disk->change.count; i++) {
		if (!has_failed || draw_percent(&disk->draw, 50))
			set_entry(&disk->durable, disk->change.entry[i].name, disk->change.entry[i].inode);
	}
	if (!has_failed)
		forget_entries(&disk->change);
}

// --- the disk ---

struct fault_disk *fault_disk_new(uint64_t seed)
{
	struct fault_disk *disk = fault_zeroed(sizeof *disk);
	disk->draw.state = seed;
	return disk;
}

void fault_disk_free(struct fault_disk *disk)
{
	if (disk == NULL)
		return;
	struct fault_entries *all[] = {&disk->now, &disk->durable, &disk->change};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		forget_entries(all[i]);
		free(all[i]->entry);
	}
	free(disk);
}

void fault_disk_plan(struct fault_disk *disk, struct fault_plan plan)
{
	disk->plan = plan;
	disk->hits = 0;
	disk->is_off = false;
	memset(disk->calls, 0, sizeof disk->calls);
}

bool fault_disk_fails(struct fault_disk *disk, enum fault_kind kind)
{
	const struct fault_plan *plan = &disk->plan;
	const uint64_t call = ++disk->calls[kind];
	if (disk->is_off)
		return true;
	const bool is_hit = plan->kind == kind && (call == plan->at || (call > plan->at && plan->is_persistent));
	disk->hits += is_hit;
	return is_hit;
}

bool fault_disk_ends(struct fault_disk *disk)
{
	assert(!disk->is_off);
	disk->is_off = fault_disk_fails(disk, FAULT_POWER);
	return disk->is_off;
}

// Copies of files, each once however many names it has.
struct copies {
	const struct fault_inode *source[64];
	struct fault_inode *target[64];
	size_t count;
};

static struct fault_inode *copy_inode(struct copies *copies, const struct fault_inode *source)
{
	if (source == NULL)
		return NULL;
	for (size_t i = 0; i < copies->count; i++) {
		if (copies->source[i] == source)
			return copies->target[i];
	}
	struct fault_inode *target = fault_inode_new();
	bytes_copy(&target->now, &source->now);
	bytes_copy(&target->durable, &source->durable);
	for (size_t i = 0; i < source->change_count; i++)
		add_change(target, source->change[i].offset, source->change[i].data, source->change[i].bytes);
	assert(copies->count < sizeof copies->source / sizeof *copies->source);
	copies->source[copies->count] = source;
	copies->target[copies->count++] = target;
	return target;
}

static void copy_entries(struct fault_entries *target, const struct fault_entries *source, struct copies *copies)
{
	for (size_t i = 0; i < source->count; i++)
		add_entry(target, source->entry[i].name, copy_inode(copies, source->entry[i].inode));
}

struct fault_disk *fault_disk_copy(const struct fault_disk *disk)
{
	struct fault_disk *copy = fault_disk_new(disk->draw.state);
	struct copies copies = {.count = 0};
	copy->is_lying = disk->is_lying;
	copy_entries(&copy->now, &disk->now, &copies);
	copy_entries(&copy->durable, &disk->durable, &copies);
	copy_entries(&copy->change, &disk->change, &copies);
	for (size_t i = 0; i < copies.count; i++)
		fault_inode_release(copies.target[i]); // the names have it now
	return copy;
}

struct fault_disk *fault_disk_lose(const struct fault_disk *disk, enum fault_loss loss, uint64_t seed)
{
	struct fault_disk *left = fault_disk_copy(disk);
	struct draw draw = {seed};
	const uint64_t kept_percent = loss == LOSS_NOTHING ? 100 : loss == LOSS_ALL ? 0 : 50;
	for (size_t i = 0; i < left->change.count; i++) {
		if (draw_percent(&draw, kept_percent))
			set_entry(&left->durable, left->change.entry[i].name, left->change.entry[i].inode);
	}
	forget_entries(&left->change);
	forget_entries(&left->now);
	for (size_t i = 0; i < left->durable.count; i++) {
		struct fault_inode *inode = left->durable.entry[i].inode;
		if (inode == NULL)
			continue;
		if (loss == LOSS_NOTHING)
			bytes_copy(&inode->durable, &inode->now);
		else if (loss != LOSS_ALL)
			apply_some(&inode->durable, inode, loss, &draw);
		forget_changes(inode);
		bytes_copy(&inode->now, &inode->durable);
		add_entry(&left->now, left->durable.entry[i].name, inode);
	}
	return left;
}
