// SPDX-License-Identifier: ISC
// The files under a database, before SQLite opens them; the contract is in sql.h.
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sql.h"

// False: `errno` says why.
static bool is_directory_writable(const char *path)
{
	char *copy = strdup(path);
	const bool is_writable = copy == NULL || eaccess(dirname(copy), W_OK) == 0;
	free(copy);
	return is_writable;
}

void sql_file_own(const struct sql *sql, int fd)
{
	struct stat status;
	char *path = strdup(sql->path);
	if (path != NULL && geteuid() == 0 && stat(dirname(path), &status) == 0 && status.st_uid != 0) {
		const int rc = fchown(fd, status.st_uid, status.st_gid);
		(void)rc; // it stays root's, as it was made
	}
	free(path);
}

enum mms_err sql_file_check(struct sql *sql)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", "-use"};
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		struct stat status;
		char path[PATH_MAX];
		const int bytes = snprintf(path, sizeof path, "%s%s", sql->path, suffixes[i]);
		if (bytes < 0 || (size_t)bytes >= sizeof path || stat(path, &status) != 0 || S_ISREG(status.st_mode))
			continue;
		snprintf(sql->reason.text, sizeof sql->reason.text, "%.500s is no regular file; move it away or use %s", path,
			 sql->kind->elsewhere);
		return MMS_E_FORMAT;
	}
	return MMS_OK;
}

bool sql_file_is_writable(const struct sql *sql)
{
	return eaccess(sql->path, W_OK) == 0 && is_directory_writable(sql->path);
}

const char *sql_file_name(struct sql *sql, char uri[SQL_URI_BYTES])
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
	char path[PATH_MAX];
	struct stat status;
	if (is_directory_writable(sql->path))
		return sql->path;
	snprintf(path, sizeof path, "%s-wal", sql->path);
	const bool has_log = stat(path, &status) == 0 && status.st_size > 0;
	snprintf(path, sizeof path, "%s-shm", sql->path);
	if (has_log && stat(path, &status) == 0)
		return sql->path; // what is there already serves
	if (has_log) {
		snprintf(sql->reason.text, sizeof sql->reason.text,
			 "cannot read the %s %s: the newest of it is in its log beside it, which can be read only where its directory "
			 "can be written; copy the directory, or make it writable",
			 sql->kind->noun, sql->path);
		return NULL;
	}
	size_t used = (size_t)snprintf(uri, SQL_URI_BYTES, "file:");
	for (const char *at = sql->path; *at != 0 && used + 32 < SQL_URI_BYTES; at++)
		used += (size_t)snprintf(uri + used, SQL_URI_BYTES - used, strchr(plain, *at) != NULL ? "%c" : "%%%02X",
					 (unsigned char)*at);
	snprintf(uri + used, SQL_URI_BYTES - used, "?immutable=1");
	return uri;
}
