// SPDX-License-Identifier: ISC
// os/lock: one holder at a time, within a process and between two, and none after the holder's death.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "os/lock.h"
#include "scratch.h"

enum { WAIT_MS = 5000, NOTHING_COMES_MS = 50 };

static struct scratch scratch;
static struct reason why;

static int set_up(void **state)
{
	(void)state;
	scratch_open(&scratch);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_close(&scratch);
	return 0;
}

static void test_one_holder(void **state)
{
	(void)state;
	struct lock first = {0}, second = {0};
	struct stat status;
	const char *path = scratch_path(&scratch, "lock");
	assert_int_equal(lock_take(&first, path, &why), MMS_OK);
	assert_int_equal(lock_take(&second, path, &why), MMS_E_BUSY);
	assert_false(second.is_held);
	assert_non_null(strstr(why.text, path));
	lock_release(&first);
	assert_false(first.is_held);
	lock_release(&first);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(lock_take(&second, path, &why), MMS_OK);
	lock_release(&second);
}

// The one who holds the directory holds it also when the lock's file has been removed.
static void test_directory(void **state)
{
	(void)state;
	struct lock first = {0}, second = {0};
	const char *path = scratch_path(&scratch, ".");
	assert_int_equal(lock_take_directory(&first, path, &why), MMS_OK);
	assert_int_equal(lock_take_directory(&second, path, &why), MMS_E_BUSY);
	assert_false(second.is_held);
	assert_non_null(strstr(why.text, path));
	lock_release(&first);
	assert_int_equal(lock_take_directory(&second, path, &why), MMS_OK);
	lock_release(&second);
	assert_int_equal(lock_take_directory(&second, scratch_path(&scratch, "none"), &why), MMS_E_MISSING);
}

static void test_no_place_for_it(void **state)
{
	(void)state;
	struct lock lock = {0};
	assert_int_equal(lock_take(&lock, scratch_path(&scratch, "none/lock"), &why), MMS_E_MISSING);
	assert_non_null(strstr(why.text, "none/lock"));
	assert_int_equal(symlink("elsewhere", scratch_path(&scratch, "link")), 0);
	assert_int_equal(lock_take(&lock, scratch_path(&scratch, "link"), &why), MMS_E_IO);
	assert_false(lock.is_held);
}

static void test_what_is_no_lock(void **state)
{
	(void)state;
	struct lock lock = {0};
	assert_int_equal(mkfifo(scratch_path(&scratch, "fifo"), 0600), 0);
	assert_int_equal(lock_take(&lock, scratch_path(&scratch, "fifo"), &why), MMS_E_FORMAT);
	assert_non_null(strstr(why.text, "FIFO"));
	assert_int_equal(lock_take(&lock, scratch.directory, &why), MMS_E_FORMAT);
	assert_false(lock.is_held);
}

static void test_a_lock_is_its_directory_s_owners(void **state)
{
	(void)state;
	struct lock lock = {0};
	struct stat status;
	if (geteuid() != 0) {
		print_message("only root may give files away\n");
		skip();
	}
	assert_int_equal(chown(scratch.directory, 1234, 2345), 0);
	assert_int_equal(lock_take(&lock, scratch_path(&scratch, "lock"), &why), MMS_OK);
	lock_release(&lock);
	assert_int_equal(stat(scratch_path(&scratch, "lock"), &status), 0);
	assert_int_equal(status.st_uid, 1234);
	assert_int_equal(status.st_gid, 2345);
}

// Waits for one byte. Returns 0 when none comes in time.
static char read_byte(int fd, int timeout_ms)
{
	char byte = 0;
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	if (poll(&polled, 1, timeout_ms) == 1 && read(fd, &byte, 1) != 1)
		byte = 0;
	return byte;
}

// Starts a process that takes the lock at `path`, waiting for it, writes a byte to `*fd` and holds it until killed.
static pid_t start_holder(const char *path, int *fd)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct lock lock = {0};
		const char byte = lock_take_blocking(&lock, path, &why) == MMS_OK ? 'y' : 'n';
		if (write(ends[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	close(ends[1]);
	*fd = ends[0];
	return child;
}

static void stop(pid_t child, int fd)
{
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(fd);
}

static void test_a_killed_holder_frees_it(void **state)
{
	(void)state;
	struct lock lock = {0};
	int fd;
	const char *path = scratch_path(&scratch, "lock");
	const pid_t child = start_holder(path, &fd);
	assert_int_equal(read_byte(fd, WAIT_MS), 'y');
	assert_int_equal(lock_take(&lock, path, &why), MMS_E_BUSY);
	stop(child, fd);
	assert_int_equal(lock_take(&lock, path, &why), MMS_OK);
	lock_release(&lock);
}

static void test_blocking_waits_for_its_turn(void **state)
{
	(void)state;
	struct lock lock = {0};
	int fd;
	const char *path = scratch_path(&scratch, "lock");
	assert_int_equal(lock_take_blocking(&lock, path, &why), MMS_OK);
	const pid_t child = start_holder(path, &fd);
	assert_int_equal(read_byte(fd, NOTHING_COMES_MS), 0);
	// The child has a copy of our descriptor from fork: only an unlock, not a close, gives the lock back.
	lock_release(&lock);
	assert_int_equal(read_byte(fd, WAIT_MS), 'y');
	stop(child, fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_holder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_place_for_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_lock_is_its_directory_s_owners, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_killed_holder_frees_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_blocking_waits_for_its_turn, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
