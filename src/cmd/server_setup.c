// SPDX-License-Identifier: ISC
// What `mms server` needs before it can serve; the contract is in server_setup.h.
#include "cmd/server_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/exit.h"
#include "crypto/base64url.h"
#include "crypto/crypto.h"
#include "os/clock.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/paths.h"
#include "os/random.h"

enum { KEY_TEXT_BYTES = 43 }; // 32 bytes in base64url; the file adds a newline

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

// Opens the database, then the key, which is made where the database has never been used.
static int open_store(struct server_setup *setup, struct reason *why)
{
	bool is_new = false;
	enum mms_err err = server_store_open(setup->paths.database.text, clock_monotonic(), &setup->store, why);
	if (err != MMS_OK)
		return exit_of_data(err);
	const struct server_store_bounds bounds = server_options_bounds(&setup->options);
	server_store_bound(setup->store, &bounds);
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
	err = server_users_read(&setup->users, setup->paths.users.text, why);
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
	err = server_users_sync(&setup->users, setup->store);
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

void server_setup_close(struct server_setup *setup)
{
	if (setup->store != NULL)
		server_store_close(setup->store);
	udp_close(&setup->udp);
	server_users_clear(&setup->users);
	keypair_clear(&setup->keys);
	lock_release(&setup->directory_lock);
	lock_release(&setup->lock);
}
