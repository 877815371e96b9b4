// SPDX-License-Identifier: ISC
// One user's state at one server; the contract is in profile.h.
#include "cmd/profile.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base64url.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "os/directory.h"
#include "os/random.h"

enum mms_err profile_folder(struct file_path *folder, const char *state, const struct fingerprint *server, struct reason *why)
{
	char text[FINGERPRINT_TEXT_BYTES];
	base64url_encode(server->bytes, sizeof server->bytes, text);
	return paths_join(folder, state, text, why);
}

static enum mms_err choose_folder(struct file_path *folder, const char *state, const uint8_t server_key[NOISE_KEY_BYTES],
				  struct reason *why)
{
	const struct fingerprint fingerprint = hash_fingerprint(server_key);
	return profile_folder(folder, state, &fingerprint, why);
}

static enum mms_err choose_file(struct file_path *path, const char *folder, const struct name *name, const char *suffix,
				struct reason *why)
{
	char text[NAME_BUFFER_BYTES + 8];
	const struct name folded = name_fold(name);
	snprintf(text, sizeof text, "%s%s", folded.text, suffix);
	return paths_join(path, folder, text, why);
}

enum mms_err profile_database(struct file_path *path, const char *folder, const struct name *name, struct reason *why)
{
	return choose_file(path, folder, name, ".db", why);
}

bool profile_is_database(const char *file, struct name *name)
{
	const size_t bytes = strlen(file);
	return bytes > 3 && strcmp(file + bytes - 3, ".db") == 0 && name_parse(name, file, bytes - 3);
}

static enum mms_err choose_paths(struct profile *profile, const char *state, const uint8_t server_key[NOISE_KEY_BYTES],
				 const struct name *name, struct reason *why)
{
	enum mms_err err = choose_folder(&profile->folder, state, server_key, why);
	if (err == MMS_OK)
		err = profile_database(&profile->database, profile->folder.text, name, why);
	if (err == MMS_OK)
		err = choose_file(&profile->lock_file, profile->folder.text, name, ".lock", why);
	if (err == MMS_OK)
		err = choose_file(&profile->wake_file, profile->folder.text, name, ".wake", why);
	if (err == MMS_OK)
		err = choose_file(&profile->receive_file, profile->folder.text, name, ".receive", why);
	if (err == MMS_OK)
		err = choose_file(&profile->news_file, profile->folder.text, name, ".news", why);
	if (err == MMS_OK)
		err = choose_file(&profile->listen_file, profile->folder.text, name, ".listen", why);
	return err;
}

static enum mms_err create_identity(struct profile *profile, const uint8_t server_key[NOISE_KEY_BYTES],
				    const struct name *name, struct reason *why)
{
	struct client_store_identity identity = {.user = *name};
	const struct rng rng = random_rng();
	rng_fill(&rng, identity.static_secret, sizeof identity.static_secret);
	keypair_derive(&profile->keys, identity.static_secret);
	memcpy(identity.public_key, profile->keys.public_key, sizeof identity.public_key);
	memcpy(identity.server_key, server_key, sizeof identity.server_key);
	profile->name = *name;
	const enum mms_err err = client_store_identity_create(profile->store, &identity);
	if (err != MMS_OK)
		*why = *client_store_reason(profile->store);
	client_store_identity_clear(&identity);
	return err;
}

// Reads the identity and checks that its parts belong together.
static enum mms_err read_identity(struct profile *profile, const uint8_t server_key[NOISE_KEY_BYTES],
				  const struct name *name, struct reason *why)
{
	struct client_store_identity identity;
	const enum mms_err err = client_store_identity_get(profile->store, &identity);
	if (err != MMS_OK) {
		*why = *client_store_reason(profile->store);
		return err;
	}
	keypair_derive(&profile->keys, identity.static_secret);
	profile->name = identity.user;
	const bool fits = crypto_is_equal(profile->keys.public_key, identity.public_key, NOISE_KEY_BYTES) &&
			  memcmp(identity.server_key, server_key, NOISE_KEY_BYTES) == 0 &&
			  name_is_same(&identity.user, name);
	client_store_identity_clear(&identity);
	if (fits)
		return MMS_OK;
	snprintf(why->text, sizeof why->text,
		 "%s was changed: its key, server and user do not belong together; put a backup of it back, or move it away "
		 "to sign in as a new device",
		 profile->database.text);
	return MMS_E_FORMAT;
}

enum mms_err profile_open(struct profile *profile, const char *state, const uint8_t server_key[NOISE_KEY_BYTES],
			  const struct name *name, struct reason *why)
{
	struct profile opened = {0};
	enum mms_err err = choose_paths(&opened, state, server_key, name, why);
	if (err == MMS_OK)
		err = directory_make(opened.folder.text, 0700, why);
	if (err == MMS_OK)
		err = client_store_open(opened.database.text, &opened.store, why);
	if (err == MMS_OK)
		err = directory_sync(opened.folder.text, why);
	if (err != MMS_OK)
		goto out;
	err = read_identity(&opened, server_key, name, why);
	if (err == MMS_E_MISSING)
		err = create_identity(&opened, server_key, name, why);
	if (err == MMS_E_EXISTS) // another process was a moment earlier
		err = read_identity(&opened, server_key, name, why);
out:
	if (err == MMS_OK)
		*profile = opened;
	else
		profile_close(&opened);
	return err;
}

struct search {
	const struct file_path *folder;
	struct name name; // the last one that has signed in
	unsigned count;
	enum mms_err err; // of one that cannot be read
	struct reason why;
};

// A profile is looked into, since one whose sign-in was refused, or is on its way, is nobody's yet.
static void look_at(void *context, const char *file)
{
	struct search *search = context;
	struct client_store *store = NULL;
	struct file_path path;
	struct name name;
	bool has_signed_in = false;
	if (!profile_is_database(file, &name))
		return;
	enum mms_err err = paths_join(&path, search->folder->text, file, &search->why);
	if (err == MMS_OK)
		err = client_store_open(path.text, &store, &search->why);
	if (err == MMS_OK) {
		err = client_store_signed_in_get(store, &has_signed_in, &name);
		if (err != MMS_OK && err != MMS_E_MISSING)
			search->why = *client_store_reason(store);
	}
	client_store_close(store);
	if (err != MMS_OK && err != MMS_E_MISSING)
		search->err = err;
	if (!has_signed_in)
		return;
	search->name = name;
	search->count++;
}

enum mms_err profile_only(struct name *name, const char *state, const uint8_t server_key[NOISE_KEY_BYTES],
			  struct reason *why)
{
	struct file_path folder;
	struct search search = {.folder = &folder};
	enum mms_err err = choose_folder(&folder, state, server_key, why);
	if (err == MMS_OK)
		err = directory_each(folder.text, look_at, &search, why);
	if (err != MMS_OK && err != MMS_E_MISSING)
		return err;
	if (search.count == 1) {
		*name = search.name;
		return MMS_OK;
	}
	if (search.count == 0 && search.err != MMS_OK) {
		*why = search.why;
		return search.err;
	}
	snprintf(why->text, sizeof why->text,
		 search.count == 0 ? "nobody has signed in at this server from here: say who you are with -a USER or MMS_USER"
				   : "several users sign in at this server from here: say which with -a USER or MMS_USER");
	return search.count == 0 ? MMS_E_MISSING : MMS_E_EXISTS;
}

struct walk {
	const char *state;
	const struct name *name;
	void (*each)(void *context, const struct fingerprint *server, const struct file_path *database);
	void *context;
};

static void walk_to(void *context, const char *file)
{
	const struct walk *walk = context;
	struct fingerprint server;
	struct file_path folder;
	struct file_path database;
	struct reason why;
	if (base64url_decode(file, strlen(file), server.bytes, sizeof server.bytes) &&
	    profile_folder(&folder, walk->state, &server, &why) == MMS_OK &&
	    profile_database(&database, folder.text, walk->name, &why) == MMS_OK && directory_has(database.text))
		walk->each(walk->context, &server, &database);
}

void profile_each_of(const char *state, const struct name *name,
		     void (*each)(void *context, const struct fingerprint *server, const struct file_path *database), void *context)
{
	struct walk walk = {state, name, each, context};
	struct reason why;
	const enum mms_err err = directory_each(state, walk_to, &walk, &why);
	(void)err; // it has none
}

enum mms_err profile_take_outbox(struct profile *profile, struct reason *why)
{
	enum mms_err err = lock_take(&profile->outbox, profile->lock_file.text, why);
	if (err == MMS_OK)
		err = wake_listen(&profile->wake, profile->wake_file.text, why);
	if (err == MMS_OK)
		lock_count(&profile->outbox);
	else
		lock_release(&profile->outbox);
	return err;
}

void profile_give_outbox(struct profile *profile)
{
	wake_close(&profile->wake);
	lock_release(&profile->outbox);
}

// The FIFO comes before the attempt: whoever has the lock cannot end then without being noticed.
enum mms_err profile_take_receiving(struct profile *profile, struct reason *why)
{
	enum mms_err err = profile->news.is_open ? MMS_OK : wake_follow(&profile->news, profile->news_file.text, why);
	if (err == MMS_OK)
		err = lock_take(&profile->receiving, profile->receive_file.text, why);
	if (err != MMS_OK)
		return err;
	wake_close(&profile->news);
	err = wake_listen(&profile->news, profile->news_file.text, why);
	if (err == MMS_OK)
		lock_count(&profile->receiving);
	else
		lock_release(&profile->receiving);
	return err;
}

// The lock first: those who follow are woken by the end of the FIFO.
void profile_give_receiving(struct profile *profile)
{
	lock_release(&profile->receiving);
	wake_close(&profile->news);
}

enum mms_err profile_take_listening(struct profile *profile, struct reason *why)
{
	return lock_take(&profile->listening, profile->listen_file.text, why);
}

void profile_close(struct profile *profile)
{
	profile_give_outbox(profile);
	profile_give_receiving(profile);
	lock_release(&profile->listening);
	client_store_close(profile->store);
	keypair_clear(&profile->keys);
	*profile = (struct profile){0};
}
