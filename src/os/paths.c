// SPDX-License-Identifier: ISC
// The state directory; the contract is in paths.h.
#include "os/paths.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/failure.h"

enum mms_err paths_join(struct file_path *path, const char *folder, const char *name, struct reason *why)
{
	struct file_path joined;
	const size_t folder_bytes = strlen(folder);
	const char *slash = folder_bytes > 0 && folder[folder_bytes - 1] == '/' ? "" : "/";
	const int bytes = snprintf(joined.text, sizeof joined.text, "%s%s%s", folder, slash, name);
	if (bytes < 0 || (size_t)bytes >= sizeof joined.text) {
		failure_say(why, "the path %.100s.../%.60s is longer than %d bytes: choose a shorter one with --state",
			    folder, name, PATHS_TEXT_BYTES - 1);
		return MMS_E_BAD;
	}
	*path = joined;
	return MMS_OK;
}

static const char *absolute_or_null(const char *path)
{
	return path != NULL && path[0] == '/' ? path : NULL;
}

static const char *find_home(void)
{
	const char *home = absolute_or_null(getenv("HOME"));
	if (home != NULL)
		return home;
	const struct passwd *user = getpwuid(geteuid());
	return user == NULL ? NULL : absolute_or_null(user->pw_dir);
}

enum mms_err paths_state(struct file_path *path, const char *option, struct reason *why)
{
	if (option != NULL) {
		const size_t bytes = strlen(option);
		if (bytes == 0 || bytes >= sizeof path->text) {
			failure_say(why, "--state needs a directory of 1 to %d bytes", PATHS_TEXT_BYTES - 1);
			return MMS_E_BAD;
		}
		memcpy(path->text, option, bytes + 1);
		return MMS_OK;
	}
	const char *state_home = absolute_or_null(getenv("XDG_STATE_HOME"));
	if (state_home != NULL)
		return paths_join(path, state_home, "mms", why);
	const char *home = find_home();
	if (home == NULL) {
		failure_say(why, "cannot tell where your home directory is: set HOME, or give --state a directory");
		return MMS_E_MISSING;
	}
	return paths_join(path, home, ".local/state/mms", why);
}

void paths_resolve(const char *path, char *resolved, size_t room)
{
	char *found = realpath(path, NULL);
	const bool is_fit = found != NULL && strlen(found) < room;
	snprintf(resolved, room, "%s", is_fit ? found : path);
	free(found);
}
