// SPDX-License-Identifier: ISC
// os/local: a socket in a directory, whoever may, wherever it stands, whatever stood there before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>

#include "os/local.h"
#include "scratch.h"

enum { WAIT_S = 10 };

static struct scratch scratch;
static struct reason why;

static int open_scratch(void **state)
{
	(void)state;
	scratch_open(&scratch);
	return 0;
}

static int close_scratch(void **state)
{
	(void)state;
	scratch_close(&scratch);
	return 0;
}

static int listening(const char *folder)
{
	int fd = -1;
	if (local_listen(folder, "operator", &fd, &why) != MMS_OK)
		fail_msg("%s", why.text);
	return fd;
}

static int connected(const char *folder)
{
	int fd = -1;
	if (local_connect(folder, "operator", WAIT_S, &fd, &why) != MMS_OK)
		fail_msg("%s", why.text);
	return fd;
}

static int accepted(int listener)
{
	struct pollfd polled = {.fd = listener, .events = POLLIN};
	int fd = -1;
	uid_t user = (uid_t)-1;
	assert_int_equal(poll(&polled, 1, WAIT_S * 1000), 1);
	assert_true(local_accept(listener, &fd, &user));
	assert_int_equal(user, geteuid());
	return fd;
}

static void check_connection(int listener, const char *folder)
{
	char text[8];
	const int here = connected(folder);
	const int there = accepted(listener);
	assert_int_equal(local_recv(there, text, sizeof text), 0);
	assert_int_equal(local_send(here, "hello", 5), 5);
	assert_int_equal(local_recv(there, text, sizeof text), 5);
	assert_int_equal(local_send(there, "you", 3), 3);
	assert_int_equal(local_recv(here, text, sizeof text), 3);
	close(here);
	assert_int_equal(local_recv(there, text, sizeof text), -1);
	assert_int_equal(local_send(there, "x", 1), -1); // and no signal
	close(there);
}

static void test_two_speak(void **state)
{
	int fd;
	uid_t user;
	(void)state;
	const int listener = listening(scratch.directory);
	assert_false(local_accept(listener, &fd, &user));
	check_connection(listener, scratch.directory);
	close(listener);
	local_remove(scratch.directory, "operator");
	assert_int_equal(access(scratch_path(&scratch, "operator"), F_OK), -1);
}

// A socket's address has room for 108 bytes.
static void test_long_path(void **state)
{
	(void)state;
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%s", scratch.directory);
	while (strlen(folder) < 400) {
		strcat(folder, "/a-name-of-some-length");
		assert_int_equal(mkdir(folder, 0700), 0);
	}
	const int listener = listening(folder);
	check_connection(listener, folder);
	close(listener);
	local_remove(folder, "operator");
	assert_int_equal(rmdir(folder), 0);
}

static void test_left_behind(void **state)
{
	int fd;
	(void)state;
	assert_int_equal(local_connect(scratch.directory, "operator", WAIT_S, &fd, &why), MMS_E_MISSING);
	close(listening(scratch.directory));
	assert_int_equal(access(scratch_path(&scratch, "operator"), F_OK), 0);
	assert_int_equal(local_connect(scratch.directory, "operator", WAIT_S, &fd, &why), MMS_E_MISSING);
	const int listener = listening(scratch.directory);
	check_connection(listener, scratch.directory);
	close(listener);
	assert_int_equal(local_connect(scratch_path(&scratch, "nowhere"), "operator", WAIT_S, &fd, &why), MMS_E_MISSING);
}

static void test_something_else_is_there(void **state)
{
	int fd;
	(void)state;
	FILE *stream = fopen(scratch_path(&scratch, "operator"), "w");
	assert_non_null(stream);
	fputs("mine", stream);
	fclose(stream);
	assert_int_equal(local_listen(scratch.directory, "operator", &fd, &why), MMS_E_FORMAT);
	assert_non_null(strstr(why.text, "move it away"));
	assert_int_equal(local_connect(scratch.directory, "operator", WAIT_S, &fd, &why), MMS_E_MISSING);
	struct stat status;
	assert_int_equal(stat(scratch_path(&scratch, "operator"), &status), 0);
	assert_int_equal(status.st_size, 4);
	// Not even through a link.
	char target[PATH_MAX + 16];
	snprintf(target, sizeof target, "%s/target", scratch.directory);
	assert_int_equal(rename(scratch_path(&scratch, "operator"), target), 0);
	assert_int_equal(symlink(target, scratch_path(&scratch, "operator")), 0);
	assert_int_equal(local_listen(scratch.directory, "operator", &fd, &why), MMS_E_FORMAT);
}

static mode_t mode_in(mode_t folder)
{
	struct stat status;
	assert_int_equal(chmod(scratch.directory, folder), 0);
	close(listening(scratch.directory));
	assert_int_equal(stat(scratch_path(&scratch, "operator"), &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	return status.st_mode & 07777;
}

static void test_who_may(void **state)
{
	(void)state;
	const mode_t before = umask(0);
	assert_int_equal(mode_in(0700), 0600);
	assert_int_equal(mode_in(0755), 0600);
	assert_int_equal(mode_in(0750), 0600);
	assert_int_equal(mode_in(0770), 0660);
	assert_int_equal(mode_in(0777), 0660);
	umask(0777);
	assert_int_equal(mode_in(0770), 0660);
	umask(before);
}

static void test_who_may_not(void **state)
{
	int fd;
	(void)state;
	if (geteuid() != 0)
		skip();
	const int listener = listening(scratch.directory);
	assert_int_equal(chmod(scratch.directory, 0755), 0);
	scratch_drop_rights();
	const enum mms_err err = local_connect(scratch.directory, "operator", WAIT_S, &fd, &why);
	scratch_regain_rights();
	assert_int_equal(err, MMS_E_DENIED);
	close(listener);
}

// What root makes in a service's directory is the service's.
static void test_root_makes_it_for_the_owner(void **state)
{
	struct stat status;
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(scratch.directory, 65534, 65534), 0);
	close(listening(scratch.directory));
	assert_int_equal(stat(scratch_path(&scratch, "operator"), &status), 0);
	assert_int_equal(status.st_uid, 65534);
	assert_int_equal(status.st_gid, 65534);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scratch, close_scratch)
	const struct CMUnitTest tests[] = {
		TEST(test_two_speak),
		TEST(test_long_path),
		TEST(test_left_behind),
		TEST(test_something_else_is_there),
		TEST(test_who_may),
		TEST(test_who_may_not),
		TEST(test_root_makes_it_for_the_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
