// SPDX-License-Identifier: ISC
// A socket in a directory; the contract is in local.h.
#include "os/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/failure.h"

enum { WAITING_MAX = 16 }; // connections that wait to be taken

// A socket's address has room for so little that a path may not fit: through the descriptor of its directory it does.
struct place {
	int folder_fd;
	struct sockaddr_un addr;
};

static enum mms_err place_open(struct place *place, const char *folder, const char *name, struct reason *why)
{
	*place = (struct place){open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), {.sun_family = AF_UNIX}};
	if (place->folder_fd < 0)
		return failure_file(why, errno, "open the directory", folder);
	snprintf(place->addr.sun_path, sizeof place->addr.sun_path, "/proc/self/fd/%d/%s", place->folder_fd, name);
	return MMS_OK;
}

// Without /proc a short path still does.
static void place_directly(struct place *place, const char *folder, const char *name)
{
	char path[sizeof place->addr.sun_path];
	const int bytes = snprintf(path, sizeof path, "%s/%s", folder, name);
	if (access("/proc/self/fd", X_OK) != 0 && bytes > 0 && (size_t)bytes < sizeof path)
		memcpy(place->addr.sun_path, path, sizeof path);
}

static enum mms_err fail_at(struct reason *why, int error, const char *action, const char *folder, const char *name)
{
	char path[REASON_TEXT_BYTES];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return failure_file(why, error, action, path);
}

// Removes the socket of a process that is no more.
static enum mms_err clear_way(const struct place *place, const char *folder, const char *name, struct reason *why)
{
	struct stat status;
	if (fstatat(place->folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? MMS_OK : fail_at(why, errno, "look at", folder, name);
	if (!S_ISSOCK(status.st_mode)) {
		failure_say(why, "%s/%s is not a socket: move it away, the server makes its own there", folder, name);
		return MMS_E_FORMAT;
	}
	return unlinkat(place->folder_fd, name, 0) == 0 ? MMS_OK : fail_at(why, errno, "remove the old socket", folder, name);
}

// Until listen(2) nobody can connect, so there is no moment at which somebody else could. What the system does not let us give away
// stays ours alone.
static int permit(const struct place *place, const char *name)
{
	struct stat folder;
	if (fstatat(place->folder_fd, "", &folder, AT_EMPTY_PATH) != 0)
		return -1;
	const mode_t writes = S_IWGRP | S_IXGRP;
	const uid_t owner = geteuid() == 0 ? folder.st_uid : (uid_t)-1;
	const bool is_given = fchownat(place->folder_fd, name, owner, folder.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
	return fchmodat(place->folder_fd, name, is_given && (folder.st_mode & writes) == writes ? 0660 : 0600, 0);
}

enum mms_err local_listen(const char *folder, const char *name, int *fd, struct reason *why)
{
	struct place place;
	enum mms_err err = place_open(&place, folder, name, why);
	if (err != MMS_OK)
		return err;
	place_directly(&place, folder, name);
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = listener < 0 ? fail_at(why, errno, "make the socket", folder, name) : clear_way(&place, folder, name, why);
	if (err == MMS_OK && (bind(listener, (const struct sockaddr *)&place.addr, sizeof place.addr) != 0 ||
			      permit(&place, name) != 0 || listen(listener, WAITING_MAX) != 0))
		err = fail_at(why, errno, "make the socket", folder, name);
	close(place.folder_fd);
	if (err != MMS_OK && listener >= 0)
		close(listener);
	if (err == MMS_OK)
		*fd = listener;
	return err;
}

bool local_accept(int listener, int *fd, uid_t *user)
{
	struct ucred peer;
	socklen_t bytes = sizeof peer;
	// cppcheck-suppress nullPointer ; nobody asks for the address
	const int taken = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (taken < 0)
		return false;
	if (getsockopt(taken, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0)
		peer.uid = (uid_t)-1;
	*fd = taken;
	*user = peer.uid;
	return true;
}

void local_remove(const char *folder, const char *name)
{
	struct place place;
	struct reason why;
	if (place_open(&place, folder, name, &why) != MMS_OK)
		return;
	(void)unlinkat(place.folder_fd, name, 0);
	close(place.folder_fd);
}

enum mms_err local_connect(const char *folder, const char *name, int wait_s, int *fd, struct reason *why)
{
	struct place place;
	const struct timeval wait = {.tv_sec = wait_s};
	enum mms_err err = place_open(&place, folder, name, why);
	if (err != MMS_OK)
		return err;
	place_directly(&place, folder, name);
	const int connected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connected < 0 || setsockopt(connected, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0 ||
	    setsockopt(connected, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ||
	    connect(connected, (const struct sockaddr *)&place.addr, sizeof place.addr) != 0) {
		const int error = errno == ECONNREFUSED || errno == ENOTSOCK ? ENOENT : errno;
		err = fail_at(why, error, "speak to the server at", folder, name);
	}
	close(place.folder_fd);
	if (err != MMS_OK && connected >= 0)
		close(connected);
	if (err == MMS_OK)
		*fd = connected;
	return err;
}

static bool is_for_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

ssize_t local_send(int fd, const void *data, size_t bytes)
{
	const ssize_t sent = send(fd, data, bytes, MSG_NOSIGNAL);
	return sent >= 0 ? sent : is_for_later(errno) ? 0 : -1;
}

ssize_t local_recv(int fd, void *data, size_t bytes)
{
	const ssize_t got = recv(fd, data, bytes, 0);
	if (got == 0)
		return -1;
	return got > 0 ? got : is_for_later(errno) ? 0 : -1;
}
