// SPDX-License-Identifier: ISC
// What `mms server` needs before it can serve; the contract is in server_setup.h.
#include "cmd/server_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/carve.h"
#include "cmd/exit.h"
#include "cmd/options.h"
#include "cmd/server_address.h"
#include "crypto/base64url.h"
#include "crypto/crypto.h"
#include "os/clock.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/paths.h"
#include "os/random.h"

enum { KEY_TEXT_BYTES = 43 }; // 32 bytes in base64url; the file adds a newline

#define COUNT_OPTION(long_name, target, low, high, text) \
	{.name = (long_name), .argument = "N", .number = &options->target, .min = (low), .max = (high), .help = (text)}

// An IPv6 address may stand in brackets here too, as it does where a port can follow it.
static const char *strip_brackets(char *host)
{
	const size_t bytes = strlen(host);
	if (bytes < 2 || host[0] != '[' || host[bytes - 1] != ']')
		return host;
	host[bytes - 1] = 0;
	return host + 1;
}

bool server_options_read(struct server_options *options, int argc, char **argv, int *status)
{
	const struct budget_limits limits = budget_limits_default();
	const struct server_config server = server_config_default();
	*options = (struct server_options){
		.host = "127.0.0.1",
		.port = SERVER_PORT_DEFAULT,
		.sessions_max = SESSIONS_MAX,
		.mailbox_rows_max = server.mailbox_rows_max,
		.mailbox_bytes_max = server.mailbox_bytes_max,
		.mailbox_held_bytes_max = MAILBOX_HELD_BYTES_MAX,
		.submit_rate = server.submit_rate.per_second,
		.submit_burst = server.submit_rate.burst,
		.who_rate = server.who_rate.per_second,
		.blind_rate = limits.blind.per_second,
		.prefix_rate = limits.prefix.per_second,
		.network_rate = limits.network.per_second,
		.all_rate = limits.all.per_second,
		.newcomer_rate = limits.newcomer.per_second,
	};
	const struct options_item items[] = {
		{.name = "port", .letter = 'p', .argument = "PORT", .number = &options->port, .max = 65535,
		 .help = "UDP port; 0 takes a free one (default 1060)"},
		{.name = "users", .letter = 'u', .argument = "USERS", .text = &options->users,
		 .help = "users file (default: users in the data directory)"},
		{.name = "data", .letter = 'd', .argument = "DATA", .text = &options->data,
		 .help = "data directory (default: mms/server in the XDG state directory)"},
		{.name = "open-claims", .flag = &options->open_claims,
		 .help = "let the first device that signs in as a name without invite have it, from anywhere"},
		{.name = "drop", .argument = "P", .probability_ppm = &options->drop_ppm,
		 .help = "pretend to lose each datagram, in and out, with probability P (for tests)"},
		{.name = "new-database", .flag = &options->new_database,
		 .help = "begin with an empty database though there is a server key: all mail and devices are gone"},
		{.name = "verbose", .letter = 'v', .flag = &options->is_verbose, .help = "log what was dropped and counted, once a minute"},
		COUNT_OPTION("sessions", sessions_max, 16, 1000000, "sessions at a time (default 16384)"),
		COUNT_OPTION("mailbox-messages", mailbox_rows_max, 1, 1000000000,
			     "messages a mailbox holds that no device has fetched (default 10000)"),
		COUNT_OPTION("mailbox-bytes", mailbox_bytes_max, 1024, 1ULL << 40,
			     "bytes of their text (default 10485760)"),
		COUNT_OPTION("mailbox-held-bytes", mailbox_held_bytes_max, 1024, 1ULL << 40,
			     "bytes of all that a mailbox holds, also for some of several devices, 128 a message and its text; at "
			     "least what fits in by the two before (default 67108864)"),
		COUNT_OPTION("submit-rate", submit_rate, 1, 1000000, "messages a second from one user (default 50)"),
		COUNT_OPTION("submit-burst", submit_burst, 1, 1000000, "messages one user may send at once (default 1000)"),
		COUNT_OPTION("who-rate", who_rate, 1, 1000000, "lists of users a second for one user (default 2)"),
		COUNT_OPTION("blind-handshakes", blind_rate, 1, 1000000,
			     "handshakes a second without a cookie, beyond which one must be fetched (default 200)"),
		COUNT_OPTION("handshakes-per-address", prefix_rate, 1, 1000000,
			     "handshakes a second with a cookie from one IPv4 address or IPv6 /64 (default 200)"),
		COUNT_OPTION("handshakes-per-network", network_rate, 1, 1000000,
			     "the same from one IPv4 /24 or IPv6 /48 (default 400)"),
		COUNT_OPTION("handshakes", all_rate, 1, 1000000, "the same from all addresses (default 1500)"),
		COUNT_OPTION("newcomer-handshakes", newcomer_rate, 1, 1000000,
			     "what is kept beside these for networks that make few (default 500)"),
	};
	const struct options_command command = {
		.name = "mms server",
		.positionals = "[HOST]",
		.positional_max = 1,
		.summary = "Keeps the messages of the users in USERS and passes them on. HOST is where to listen: an address or a "
			   "name (default 127.0.0.1), '' for every address.",
		.notes = "SIGHUP reads the users file again; SIGTERM and SIGINT stop the server.\n",
		.items = items,
		.item_count = sizeof items / sizeof items[0],
	};
	struct options_words words;
	if (!options_begin(&command, argc, argv, &words, status))
		return false;
	if (words.count > 0)
		options->host = strip_brackets(words.word[0]);
	return true;
}

// Reads the server's key; makes it at the first start.
static int open_key(struct server_setup *setup, bool may_create, struct reason *why)
{
	struct file_path path;
	uint8_t secret[NOISE_KEY_BYTES];
	char text_secret[KEY_TEXT_BYTES + 2];
	char *text = NULL;
	size_t bytes = 0;
	int status = EXIT_DONE;
	enum mms_err err = paths_join(&path, setup->paths.data.text, "server.key", why);
	if (err == MMS_OK)
		err = file_read(path.text, KEY_TEXT_BYTES + 1, &text, &bytes, why);
	if (err == MMS_E_MISSING && !may_create) {
		snprintf(why->text, sizeof why->text,
			 "%.300s is missing beside %.300s: put the key back, since no client would trust another one; or move the "
			 "database away to begin as another server",
			 path.text, setup->paths.database.text);
		return EXIT_CONFIG;
	}
	if (err == MMS_E_MISSING) {
		const struct rng rng = random_rng();
		rng_fill(&rng, secret, sizeof secret);
		base64url_encode(secret, sizeof secret, text_secret);
		text_secret[KEY_TEXT_BYTES] = '\n';
		err = file_create_secret(path.text, text_secret, KEY_TEXT_BYTES + 1, why);
	} else if (err == MMS_OK && (bytes != KEY_TEXT_BYTES + 1 || text[KEY_TEXT_BYTES] != '\n' ||
				     !base64url_decode(text, KEY_TEXT_BYTES, secret, sizeof secret))) {
		err = MMS_E_BAD;
	}
	if (err == MMS_E_BAD)
		snprintf(why->text, sizeof why->text,
			 "%s is not a server key: put the right file back, or move it away to begin as another server, "
			 "which every client will refuse",
			 path.text);
	if (err != MMS_OK)
		status = exit_of_data(err);
	else
		keypair_derive(&setup->keys, secret);
	crypto_wipe(secret, sizeof secret);
	crypto_wipe(text_secret, sizeof text_secret);
	if (text != NULL)
		crypto_wipe(text, bytes);
	free(text);
	return status;
}

static int open_data(struct server_setup *setup, struct reason *why)
{
	struct file_path lock;
	enum mms_err err = directory_make(setup->paths.data.text, 0700, why);
	if (err == MMS_OK)
		err = paths_join(&lock, setup->paths.data.text, "lock", why);
	if (err != MMS_OK)
		return exit_of_data(err);
	err = lock_take(&setup->lock, lock.text, why);
	// Somebody may have removed the file of a server that runs, and then two would hold a lock.
	if (err == MMS_OK)
		err = lock_take_directory(&setup->directory_lock, setup->paths.data.text, why);
	if (err == MMS_E_BUSY)
		snprintf(why->text, sizeof why->text,
			 "another server is running on the data in %s: stop it, or choose another directory with -d",
			 setup->paths.data.text);
	return err == MMS_OK ? EXIT_DONE : exit_of_data(err);
}

static int open_socket(struct server_setup *setup, struct reason *why)
{
	switch (udp_listen(&setup->udp, setup->options.host, (uint16_t)setup->options.port, why)) {
	case MMS_OK:
		return EXIT_DONE;
	case MMS_E_HOST:
		return EXIT_NO_HOST;
	case MMS_E_IO:
		return EXIT_IO;
	default:
		return EXIT_CONFIG;
	}
}

static void clear_users(struct server_users *users)
{
	users_file_clear(&users->file);
	free(users->memory);
	*users = (struct server_users){0};
}

// Places what the users need in their memory; with that NULL it only measures. Returns its bytes.
static size_t place_users(struct server_users *users)
{
	const struct users_table *table = &users->file.table;
	size_t bytes = 0;
	users->user = carve(users->memory, &bytes, sizeof *users->user, table->user_capacity);
	users->line = carve(users->memory, &bytes, sizeof *users->line, table->user_capacity);
	users->invite = carve(users->memory, &bytes, sizeof *users->invite, table->invite_capacity);
	users->id = carve(users->memory, &bytes, sizeof *users->id, table->user_capacity);
	return bytes;
}

// All memory that the users need is taken here, so that nothing but the store can fail when they come into use.
static enum mms_err read_users(struct server_users *users, const char *path, struct reason *why)
{
	struct server_users fresh = {0};
	const enum mms_err err = users_file_load(&fresh.file, path, why);
	if (err != MMS_OK)
		return err;
	fresh.memory = calloc(1, place_users(&fresh) + 1); // one more, so that none is of size 0
	if (fresh.memory == NULL) {
		snprintf(why->text, sizeof why->text, "not enough memory for %u users: end other programs",
			 fresh.file.table.user_capacity);
		clear_users(&fresh);
		return MMS_E_FULL;
	}
	(void)place_users(&fresh);
	*users = fresh;
	return MMS_OK;
}

static_assert(sizeof(struct fingerprint) == STORAGE_KEY_BYTES, "the store reads fingerprints as bytes");

// Says to the store what stands on a line. `invites` has room for its hashes.
static struct server_store_user describe(const struct users_table *table, const struct user_entry *entry,
					 uint8_t (*invites)[STORAGE_KEY_BYTES])
{
	for (uint32_t i = 0; i < entry->invite_count; i++)
		memcpy(invites[i], table->invite[entry->invite_first + i].hash, STORAGE_KEY_BYTES);
	struct server_store_user line = {
		.name = entry->name,
		.revoked = (const uint8_t(*)[STORAGE_KEY_BYTES])(table->revoke + entry->revoke_first),
		.revoked_count = entry->revoke_count,
		.invite = (const uint8_t(*)[STORAGE_KEY_BYTES])invites,
		.invite_count = entry->invite_count,
	};
	memcpy(line.life, entry->life, sizeof line.life);
	return line;
}

// Tells the store what stands in the users file, and gives every user of the table its id.
static enum mms_err sync_users(struct server_store *store, struct server_users *users)
{
	struct users_table *table = &users->file.table;
	const size_t count = table->user_count;
	for (size_t i = 0; i < count; i++)
		users->line[i] = describe(table, &table->user[i], users->invite + table->user[i].invite_first);
	const enum mms_err err = server_store_users_sync(store, users->line, count, clock_monotonic(), users->id);
	for (size_t i = 0; err == MMS_OK && i < count; i++)
		table->user[i].user_id = users->id[i];
	return err;
}

// A server that has a key has had a database. One that lost it must not begin anew in silence: everybody's mail is gone, and no
// device is known any more.
static int look_for_database(struct server_setup *setup, struct reason *why)
{
	struct file_path key;
	const char *database = setup->paths.database.text;
	const bool is_empty = directory_has_empty(database);
	const enum mms_err err = paths_join(&key, setup->paths.data.text, "server.key", why);
	if (err != MMS_OK)
		return exit_of_data(err);
	if (!directory_has(key.text) || (directory_has(database) && !is_empty) || setup->options.new_database)
		return EXIT_DONE;
	snprintf(why->text, sizeof why->text,
		 "%.240s is %s, but the key of this server is there: put a good copy of the database in its place; or start once "
		 "with --new-database to begin without mail and devices, or move %.240s away to begin as another server",
		 database, is_empty ? "empty" : "missing", key.text);
	return EXIT_CONFIG;
}

// What a mailbox may hold. What no device has is refused by its own bounds and never dropped, so it must fit in.
static uint64_t held_bytes_max(const struct server_options *options)
{
	const uint64_t least = options->mailbox_rows_max * MAILBOX_ROW_BYTES + options->mailbox_bytes_max;
	return options->mailbox_held_bytes_max > least ? options->mailbox_held_bytes_max : least;
}

// Opens the database, then the key, which is made where the database has never been used.
static int open_store(struct server_setup *setup, struct reason *why)
{
	bool is_new = false;
	enum mms_err err = server_store_open(setup->paths.database.text, clock_monotonic(), &setup->store, why);
	if (err != MMS_OK)
		return exit_of_data(err);
	server_store_bound_mailboxes(setup->store, held_bytes_max(&setup->options));
	err = server_store_is_new(setup->store, &is_new);
	if (err == MMS_OK)
		return open_key(setup, is_new, why);
	*why = *server_store_reason(setup->store);
	return exit_of_data(err);
}

static bool is_loopback(const struct addr *addr)
{
	static const uint8_t ipv6[ADDR_IP_BYTES] = {[15] = 1};
	return addr->family == ADDR_IPV4 ? addr->ip[0] == 127 : memcmp(addr->ip, ipv6, sizeof ipv6) == 0;
}

int server_setup_open(struct server_setup *setup, struct reason *why)
{
	enum mms_err err = data_choose(&setup->paths, setup->options.data, setup->options.users, why);
	if (err != MMS_OK)
		return err == MMS_E_BAD ? EXIT_USAGE : exit_of_data(err);
	err = read_users(server_setup_users(setup), setup->paths.users.text, why);
	if (err != MMS_OK)
		return exit_of_users_file(err);
	int status = open_data(setup, why);
	if (status == EXIT_DONE)
		status = look_for_database(setup, why);
	if (status == EXIT_DONE)
		status = open_socket(setup, why);
	if (status == EXIT_DONE)
		status = open_store(setup, why);
	if (status != EXIT_DONE)
		return status;
	err = sync_users(setup->store, server_setup_users(setup));
	if (err != MMS_OK) {
		*why = *server_store_reason(setup->store);
		return exit_of_data(err);
	}
	setup->may_claim = true;
	for (uint8_t i = 0; i < setup->udp.socket_count; i++)
		if (!is_loopback(&setup->udp.name[i]))
			setup->may_claim = setup->options.open_claims;
	return EXIT_DONE;
}

struct server_users *server_setup_users(struct server_setup *setup)
{
	return &setup->users[setup->users_place];
}

static struct server_users *fresh_users(struct server_setup *setup)
{
	return &setup->users[1 - setup->users_place];
}

struct server_users *server_setup_read_users(struct server_setup *setup, struct reason *why)
{
	struct server_users *fresh = fresh_users(setup);
	const char *path = setup->paths.users.text;
	if (file_is_stream(path)) {
		snprintf(why->text, sizeof why->text,
			 "%.300s is not a regular file and was read once, at the start; give a file with -u to have it read again", path);
		return NULL;
	}
	if (read_users(fresh, path, why) != MMS_OK)
		return NULL;
	// An emptied file is more often a mistake than the wish to shut everybody out.
	if (fresh->file.table.user_count > 0 || server_setup_users(setup)->file.table.user_count == 0)
		return fresh;
	snprintf(why->text, sizeof why->text,
		 "%.300s names nobody any more; to shut everybody out, stop the server", path);
	clear_users(fresh);
	return NULL;
}

enum mms_err server_setup_sync_users(struct server_setup *setup)
{
	return sync_users(setup->store, fresh_users(setup));
}

void server_setup_use_users(struct server_setup *setup)
{
	clear_users(server_setup_users(setup));
	setup->users_place = 1 - setup->users_place;
}

void server_setup_drop_users(struct server_setup *setup)
{
	clear_users(fresh_users(setup));
}

static struct bucket_rate rate(uint64_t per_second, uint64_t burst)
{
	return (struct bucket_rate){(uint32_t)per_second, (uint32_t)burst};
}

void server_setup_configure(const struct server_setup *setup, struct server_node_setup *node)
{
	const struct server_options *options = &setup->options;
	struct budget_limits *limits = &node->listener.limits;
	node->listener = listener_config_default();
	node->listener.sessions_max = (uint32_t)options->sessions_max;
	limits->blind = rate(options->blind_rate, 2 * options->blind_rate);
	limits->prefix = rate(options->prefix_rate, 2 * options->prefix_rate);
	limits->network = rate(options->network_rate, 2 * options->network_rate);
	limits->all = rate(options->all_rate, options->all_rate);
	limits->newcomer = rate(options->newcomer_rate, options->newcomer_rate);
	node->server = server_config_default();
	node->server.may_claim = setup->may_claim;
	node->server.mailbox_rows_max = options->mailbox_rows_max;
	node->server.mailbox_bytes_max = options->mailbox_bytes_max;
	node->server.submit_rate = rate(options->submit_rate, options->submit_burst);
	node->server.who_rate = rate(options->who_rate, 2 * options->who_rate);
}

void server_setup_close(struct server_setup *setup)
{
	if (setup->store != NULL)
		server_store_close(setup->store);
	udp_close(&setup->udp);
	clear_users(&setup->users[0]);
	clear_users(&setup->users[1]);
	keypair_clear(&setup->keys);
	lock_release(&setup->directory_lock);
	lock_release(&setup->lock);
}
