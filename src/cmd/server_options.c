// SPDX-License-Identifier: ISC
// The command line of `mms server`; the contract is in server_options.h.
#include "cmd/server_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/options.h"
#include "cmd/server_address.h"
#include "store/store_thread.h"

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

static bool read_days(const char *text, uint32_t *days)
{
	char *end = NULL;
	errno = 0;
	const unsigned long number = strtoul(text, &end, 10);
	const bool is_number = text[0] >= '0' && text[0] <= '9' && errno == 0;
	*days = number <= HISTORY_DAYS_MAX ? (uint32_t)number : 0;
	return is_number && number <= HISTORY_DAYS_MAX && (*end == 0 || strcmp(end, "d") == 0);
}

static struct server_options defaults(void)
{
	const struct budget_limits limits = budget_limits_default();
	const struct server_config server = server_config_default();
	return (struct server_options){
		.host = "127.0.0.1",
		.port = SERVER_PORT_DEFAULT,
		.rooms = "users",
		.sessions_max = SESSIONS_MAX,
		.mailbox_rows_max = MAILBOX_ROWS_MAX,
		.mailbox_bytes_max = MAILBOX_BYTES_MAX,
		.mailbox_held_bytes_max = MAILBOX_HELD_BYTES_MAX,
		.history_days = HISTORY_DAYS_DEFAULT,
		.submit_rate = server.submit_rate.per_second,
		.submit_burst = server.submit_rate.burst,
		.who_rate = server.who_rate.per_second,
		.blind_rate = limits.blind.per_second,
		.prefix_rate = limits.prefix.per_second,
		.network_rate = limits.network.per_second,
		.all_rate = limits.all.per_second,
		.newcomer_rate = limits.newcomer.per_second,
	};
}

bool server_options_read(struct server_options *options, int argc, char **argv, int *status)
{
	*options = defaults();
	const struct options_item items[] = {
		{.name = "port", .letter = 'p', .argument = "PORT", .number = &options->port, .max = 65535,
		 .help = "UDP port; 0 takes a free one (default 1060)"},
		{.name = "users", .letter = 'u', .argument = "USERS", .text = &options->users,
		 .help = "users file (default: users in the data directory)"},
		{.name = "data", .letter = 'd', .argument = "DATA", .text = &options->data,
		 .help = "data directory (default: mms/server in the XDG state directory)"},
		{.name = "open-claims", .flag = &options->open_claims,
		 .help = "let the first device that signs in as a name without invite have it, from anywhere"},
		{.name = "rooms", .argument = "WHO", .text = &options->rooms,
		 .help = "who makes rooms: users, or operator alone (default users)"},
		{.name = "drop", .argument = "P", .probability_ppm = &options->drop_ppm,
		 .help = "pretend to lose each datagram, in and out, with probability P (for tests)"},
		{.name = "new-database", .flag = &options->new_database,
		 .help = "begin with an empty database though there is a server key: all mail and devices are gone"},
		{.name = "verbose", .letter = 'v', .flag = &options->is_verbose, .help = "log what was dropped and counted, once a minute"},
		COUNT_OPTION("sessions", sessions_max, 16, 1000000, "sessions at a time (default 16384)"),
		COUNT_OPTION("mailbox-messages", mailbox_rows_max, 1, 1000000000,
			     "messages a mailbox holds that no device has fetched (default 10000)"),
		COUNT_OPTION("mailbox-bytes", mailbox_bytes_max, (uint64_t)MAILBOX_SHARE * TEXT_BYTES_MAX, 1ULL << 40,
			     "bytes of their text (default 10485760)"),
		COUNT_OPTION("mailbox-held-bytes", mailbox_held_bytes_max, 1024, 1ULL << 40,
			     "bytes of all that a mailbox holds, also for some of several devices, 128 a message and its text; at "
			     "least what fits in by the two before (default 67108864)"),
		{.name = "history", .argument = "DAYS", .text = &options->history,
		 .help = "days that what was received and said stays for devices and members that come later, as 30d; 0: not at all "
			 "(default 30d)"},
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
	if (strcmp(options->rooms, "users") != 0 && strcmp(options->rooms, "operator") != 0) {
		*status = options_fail(&command, "--rooms is either users or operator");
		return false;
	}
	if (options->history != NULL && !read_days(options->history, &options->history_days)) {
		*status = options_fail(&command, "--history takes days, 0 to 3650, as in --history 30d");
		return false;
	}
	if (words.count > 0)
		options->host = strip_brackets(words.word[0]);
	return true;
}

struct server_store_bounds server_options_bounds(const struct server_options *options)
{
	// What no device has is refused by its own bounds and never dropped, so it must fit in.
	const uint64_t least = options->mailbox_rows_max * MAILBOX_ROW_BYTES + options->mailbox_bytes_max;
	struct server_store_bounds bounds = server_store_bounds_default();
	bounds.mailbox_rows_max = options->mailbox_rows_max;
	bounds.mailbox_bytes_max = options->mailbox_bytes_max;
	bounds.keeps_own = true;
	bounds.history_days = options->history_days;
	bounds.room_days = options->history_days;
	bounds.held_bytes_max = options->mailbox_held_bytes_max > least ? options->mailbox_held_bytes_max : least;
	return bounds;
}

static struct bucket_rate rate(uint64_t per_second, uint64_t burst)
{
	return (struct bucket_rate){(uint32_t)per_second, (uint32_t)burst};
}

void server_options_configure(const struct server_options *options, bool may_claim, struct server_node_setup *node)
{
	struct budget_limits *limits = &node->listener.limits;
	node->listener = listener_config_default();
	node->listener.sessions_max = (uint32_t)options->sessions_max;
	limits->blind = rate(options->blind_rate, 2 * options->blind_rate);
	limits->prefix = rate(options->prefix_rate, 2 * options->prefix_rate);
	limits->network = rate(options->network_rate, 2 * options->network_rate);
	limits->all = rate(options->all_rate, options->all_rate);
	limits->newcomer = rate(options->newcomer_rate, options->newcomer_rate);
	node->server = server_config_default();
	node->server.may_claim = may_claim;
	node->server.may_make_rooms = strcmp(options->rooms, "users") == 0;
	node->server.lane_count = STORE_LANES;
	node->server.submit_rate = rate(options->submit_rate, options->submit_burst);
	node->server.who_rate = rate(options->who_rate, 2 * options->who_rate);
}
