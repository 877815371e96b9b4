// SPDX-License-Identifier: ISC
// What a simulated run is made of: its people and its faults, drawn from the seed. Some runs have none of a kind of
// fault and some a lot of it, so that no fault hides behind another.
#ifndef MMS_SIM_OPTIONS_H
#define MMS_SIM_OPTIONS_H

#include "draw.h"

#include "proto/listener.h"

// Chances are per thousand: of datagrams, of turns, of commits. Rates are events in an active phase.
#define SIM_OPTIONS(X) \
	X(users, "users") \
	X(devices, "devices") \
	X(messages, "messages written") \
	X(waverers, "times somebody goes in and out of a room around a restore of the server's store") \
	X(room_acts, "times somebody does something with a room, or blocks or unblocks somebody") \
	X(active_ms, "milliseconds before the faults stop") \
	X(text_bytes_max, "longest text") \
	X(up_loss, "datagrams lost on the way to the server") \
	X(down_loss, "datagrams lost on the way to the devices") \
	X(burst_loss, "chance that a burst of loss begins at a datagram") \
	X(duplication, "datagrams that come twice") \
	X(delay_ms_min, "least delay") \
	X(delay_ms_max, "usual delay at most") \
	X(straggling, "datagrams that come up to a minute late") \
	X(flipping, "datagrams with a flipped bit") \
	X(truncation, "datagrams cut short") \
	X(replays, "recorded datagrams sent again, from any address") \
	X(detours, "datagrams to the server that come from a stranger's address") \
	X(reflections, "INITs with which a device begins to send as if from a stranger's address, its first DATA too") \
	X(moves, "changes of a device's address") \
	X(partitions, "times a device is cut off, one way or both") \
	X(server_kills, "kills of the server at a drawn moment") \
	X(server_boundary_kill, "turns in which the server is killed between two steps") \
	X(device_kills, "kills of a device at a drawn moment") \
	X(device_boundary_kill, "turns in which a device is killed between two steps") \
	X(lanes, "lanes of the server's store") \
	X(rows_apart, "whether rows are each mailbox's own, with holes, and marks each lane's") \
	X(store_delay_ms, "how long the server's store takes at most, there and back each") \
	X(repeated_commits, "batches whose connection is lost: performed twice, or late") \
	X(full_ops, "messages for which there is no room on the server's disk") \
	X(slow_commits, "orders of the server's store that take up to 30 s, some up to four minutes") \
	X(commits_block, "whether the server waits for a slow one") \
	X(full_commits, "orders of the server's store that find no room") \
	X(failed_commits, "orders of the server's store that fail, done or not") \
	X(failed_reloads, "steps of a reload that fail, somehow") \
	X(failed_device_commits, "commits of a device that fail, done or not") \
	X(slow_device_stores, "orders of a device's store that take up to 3 s") \
	X(unknown_device_stores, "orders of a device's store of which nobody knows what became") \
	X(failed_reads, "reads of the server that fail") \
	X(disk_fills, "times the server's disk is full for a while") \
	X(server_restores, "times the server's store is put back from a backup") \
	X(device_restores, "times a device's store is put back from a backup") \
	X(clones, "times a device is copied, key and all") \
	X(wall_jumps, "jumps of somebody's wall clock") \
	X(suspensions, "suspensions of a device") \
	X(absences, "times all devices are off for days") \
	X(user_changes, "times a user is removed from the users file, or comes back") \
	X(second_lives, "times a name is given to somebody else, who has another life and an invite") \
	X(revocations, "devices revoked") \
	X(shutdowns, "orderly ends of the server") \
	X(side_senders, "short processes that only send, beside another of the same device") \
	X(terminals, "processes that show what comes, beside another of the same device") \
	X(rivals, "processes that begin beside the first of a device, some without its invite, some by another name of the server") \
	X(unresolved, "lookups of the server's name that fail") \
	X(server_moves, "times the server gets another address, which its name tells later") \
	X(failed_opens, "profiles that cannot be opened, pinned or read") \
	X(sign_outs, "times a user signs out and comes back") \
	X(hostile_devices, "enrolled devices that send anything") \
	X(hoards, "turns of hostile devices in which they hold calls, answers and BASE, also when the faults have stopped") \
	X(floods, "floods of INIT from many addresses") \
	X(mailbox_rows_max, "messages a mailbox holds that no device has") \
	X(mailbox_held_max, "messages a mailbox holds in all") \
	X(sessions_max, "sessions the server holds") \
	X(half_open_max, "half-open handshakes the server holds") \
	X(blocks_small_max, "small blocks of calls") \
	X(blocks_large_max, "large blocks of calls") \
	X(submit_burst, "messages at once before the rate limit") \
	X(blind_burst, "handshakes at once before a cookie is asked for")

struct options {
#define FIELD(name, meaning) uint32_t name;
	SIM_OPTIONS(FIELD)
#undef FIELD
};

// Draws the options of a run.
void options_draw(struct options *options, struct draw *draw);

// A run without any fault, for what is to be measured alone.
void options_calm(struct options *options);

// Prints every option that is not zero, on one line.
void options_print(const struct options *options);

// Sets an option by its name. False: there is none of this name.
bool options_set(struct options *options, const char *name, uint32_t value);

// Prints every name and what it means.
void options_help(void);

#endif
