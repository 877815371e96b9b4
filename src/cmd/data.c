// SPDX-License-Identifier: ISC
// Where a server keeps its things; the contract is in data.h.
#include "cmd/data.h"

#include <stdio.h>
#include <string.h>

static enum mms_err copy_option(struct file_path *path, const char *option, const char *name, struct reason *why)
{
	const size_t bytes = strlen(option);
	if (bytes == 0 || bytes >= sizeof path->text) {
		snprintf(why->text, sizeof why->text, "option %s needs a path of 1 to %d bytes", name,
			 PATHS_TEXT_BYTES - 1);
		return MMS_E_BAD;
	}
	memcpy(path->text, option, bytes + 1);
	return MMS_OK;
}

static enum mms_err choose_beside(struct data_paths *paths, struct reason *why)
{
	const int bytes = snprintf(paths->users_lock.text, sizeof paths->users_lock.text, "%s.lock", paths->users.text);
	if (bytes < 0 || (size_t)bytes >= sizeof paths->users_lock.text) {
		snprintf(why->text, sizeof why->text, "the users file's path is too long: give a shorter one with -u");
		return MMS_E_BAD;
	}
	paths->users_folder = paths->users;
	char *slash = strrchr(paths->users_folder.text, '/');
	if (slash == NULL)
		memcpy(paths->users_folder.text, ".", 2);
	else
		slash[slash == paths->users_folder.text] = 0; // "/users" stands in "/"
	return MMS_OK;
}

enum mms_err data_choose(struct data_paths *paths, const char *data, const char *users, struct reason *why)
{
	struct file_path state;
	enum mms_err err;
	if (data != NULL) {
		err = copy_option(&paths->data, data, "-d", why);
	} else {
		err = paths_state(&state, NULL, why);
		if (err == MMS_OK)
			err = paths_join(&paths->data, state.text, "server", why);
	}
	if (err == MMS_OK)
		err = paths_join(&paths->database, paths->data.text, "server.db", why);
	if (err == MMS_OK)
		err = users != NULL ? copy_option(&paths->users, users, "-u", why)
				    : paths_join(&paths->users, paths->data.text, "users", why);
	return err == MMS_OK ? choose_beside(paths, why) : err;
}
