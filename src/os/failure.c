// SPDX-License-Identifier: ISC
// Errno in words; the contract is in failure.h.
#include "os/failure.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void failure_say(struct reason *why, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why->text, sizeof why->text, format, arguments);
	va_end(arguments);
}

static enum mms_err kind_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return MMS_E_MISSING;
	case EEXIST:
		return MMS_E_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return MMS_E_DENIED;
	case ENOSPC:
	case EDQUOT:
		return MMS_E_NOSPACE;
	default:
		return MMS_E_IO;
	}
}

static const char *advice_for(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case ENAMETOOLONG:
		return "check the path";
	case EEXIST:
		return "move it away or choose another path";
	case EACCES:
	case EPERM:
		return "give this user the right to it or choose another path";
	case EROFS:
		return "make its file system writable or choose another path";
	case ENOSPC:
	case EDQUOT:
		return "free space on its file system";
	case EMFILE:
	case ENFILE:
		return "raise the limit of open files (ulimit -n)";
	default:
		return "check its file system and the system's log";
	}
}

enum mms_err failure_file(struct reason *why, int error, const char *action, const char *path)
{
	assert(error != 0);
	failure_say(why, "cannot %s %s: %s; %s", action, path, strerror(error), advice_for(error));
	return kind_of(error);
}

enum mms_err failure_memory(struct reason *why, const char *action, const char *path)
{
	failure_say(why, "cannot %s %s: not enough memory; end other programs or raise this one's limit", action, path);
	return MMS_E_FULL;
}
