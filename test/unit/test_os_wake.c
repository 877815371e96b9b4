// SPDX-License-Identifier: ISC
// os/wake and os/signals: what makes a waiting process look up.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "os/signals.h"
#include "os/wake.h"
#include "scratch.h"

static struct scratch scratch;
static struct reason why;

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	scratch_open(&scratch);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_close(&scratch);
	return 0;
}

// The events pending on a descriptor now.
static int pending(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	assert_true(poll(&polled, 1, 0) >= 0);
	return polled.revents;
}

static void test_poke_wakes(void **state)
{
	(void)state;
	struct wake wake = {0};
	struct stat status;
	const char *path = scratch_path(&scratch, "wake");
	assert_int_equal(wake_listen(&wake, path, &why), MMS_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(pending(wake.fd), 0);
	assert_false(wake_drain(&wake));
	for (int round = 0; round < 2; round++) {
		wake_poke(path);
		wake_poke(path);
		// The writers have gone; that must not look like the end of the FIFO.
		assert_int_equal(pending(wake.fd), POLLIN);
		assert_true(wake_drain(&wake));
		assert_int_equal(pending(wake.fd), 0);
	}
	wake_close(&wake);
	wake_close(&wake);
	assert_int_equal(wake_listen(&wake, path, &why), MMS_OK);
	wake_close(&wake);
}

static void test_many_pokes_neither_block_nor_remain(void **state)
{
	(void)state;
	struct wake wake = {0};
	const char *path = scratch_path(&scratch, "wake");
	assert_int_equal(wake_listen(&wake, path, &why), MMS_OK);
	assert_true(fcntl(wake.fd, F_SETPIPE_SZ, 4096) > 0);
	for (int i = 0; i < 5000; i++)
		wake_poke(path);
	assert_true(wake_drain(&wake));
	assert_int_equal(pending(wake.fd), 0);
	wake_close(&wake);
}

static void test_poke_of_nobody(void **state)
{
	(void)state;
	struct wake wake = {0};
	struct stat status;
	const char *path = scratch_path(&scratch, "wake");
	wake_poke(path);
	assert_int_equal(stat(path, &status), -1);
	assert_int_equal(wake_listen(&wake, path, &why), MMS_OK);
	wake_close(&wake);
	wake_poke(path);
	assert_int_equal(wake_listen(&wake, path, &why), MMS_OK);
	assert_false(wake_drain(&wake));
	wake_close(&wake);
}

// All that follow are woken, each once; nobody takes it from another, and a FIFO that nobody reads does not fill.
static void test_all_that_follow_are_stirred(void **state)
{
	(void)state;
	struct wake holder = {0};
	struct wake follower[3] = {{0}};
	const char *path = scratch_path(&scratch, "news");
	for (int i = 0; i < 2; i++)
		assert_int_equal(wake_follow(&follower[i], path, &why), MMS_OK);
	assert_int_equal(wake_listen(&holder, path, &why), MMS_OK);
	for (int i = 0; i < 2; i++)
		assert_false(wake_drain(&follower[i]));
	for (int round = 0; round < 70000; round += round < 3 ? 1 : 10000) {
		for (int i = 0; i < (round < 3 ? 2 : 10000); i++)
			wake_stir(path);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(pending(follower[i].fd), POLLIN);
			assert_true(wake_drain(&follower[i]));
			assert_int_equal(pending(follower[i].fd), 0);
			assert_false(wake_drain(&follower[i]));
		}
	}
	assert_int_equal(wake_follow(&follower[2], path, &why), MMS_OK); // it may be told what the others know
	(void)wake_drain(&follower[2]);
	wake_close(&holder); // as the system does when it is killed
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pending(follower[i].fd), POLLIN);
		assert_true(wake_drain(&follower[i]));
		assert_int_equal(pending(follower[i].fd), 0);
	}
	assert_int_equal(wake_listen(&holder, path, &why), MMS_OK); // another one receives now
	for (int i = 0; i < 3; i++)
		(void)wake_drain(&follower[i]); // they may be told of that
	assert_int_equal(pending(follower[0].fd), 0);
	wake_stir(path);
	for (int i = 0; i < 3; i++) {
		assert_true(wake_drain(&follower[i]));
		wake_close(&follower[i]);
	}
	wake_close(&holder);
	wake_stir(path); // nobody
}

static void test_other_files_are_left_alone(void **state)
{
	(void)state;
	struct wake wake = {0};
	struct stat status;
	const char *path = scratch_path(&scratch, "file");
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(wake_listen(&wake, path, &why), MMS_E_FORMAT);
	assert_false(wake.is_open);
	assert_non_null(strstr(why.text, path));
	wake_poke(path);
	wake_stir(path);
	assert_int_equal(wake_follow(&wake, path, &why), MMS_E_FORMAT);
	assert_false(wake.is_open);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 0);
	assert_int_equal(wake_listen(&wake, scratch_path(&scratch, "none/wake"), &why), MMS_E_MISSING);
}

static void test_a_fifo_of_somebody_else(void **state)
{
	(void)state;
	struct wake wake = {0};
	struct stat status;
	char path[sizeof scratch.path];
	snprintf(path, sizeof path, "%s", scratch_path(&scratch, "wake"));
	if (geteuid() != 0) {
		print_message("only root can make a FIFO of somebody else\n");
		skip();
	}
	assert_int_equal(mkfifo(path, 0666), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(scratch.directory, 0777), 0);
	const int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	scratch_drop_rights();
	const enum mms_err err = wake_listen(&wake, path, &why);
	wake_poke(path);
	scratch_regain_rights();
	assert_int_equal(err, MMS_E_FORMAT);
	assert_int_equal(pending(fd), 0);
	close(fd);

	// Root acts for whoever owns the directory, and what it makes there is the owner's.
	assert_int_equal(unlink(path), 0);
	assert_int_equal(chown(scratch.directory, 1234, 2345), 0);
	assert_int_equal(wake_listen(&wake, path, &why), MMS_OK);
	wake_close(&wake);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 1234);
	assert_int_equal(wake_listen(&wake, path, &why), MMS_OK);
	wake_poke(path);
	assert_true(wake_drain(&wake));
	wake_close(&wake);
}

// A child in which the system refuses to make FIFOs, as a file system without them does.
static void refuse_fifos(int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mknodat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(77);
}

static void test_a_file_system_without_fifos(void **state)
{
	(void)state;
	static const int errors[] = {EPERM, ENOSYS, EOPNOTSUPP};
	const char *path = scratch_path(&scratch, "wake");
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		const pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			struct wake wake = {0};
			refuse_fifos(errors[i]);
			if (wake_follow(&wake, path, &why) != MMS_OK || !wake.is_open || wake_drain(&wake))
				_exit(1);
			wake_close(&wake);
			if (wake_listen(&wake, path, &why) != MMS_OK || !wake.is_open || wake_drain(&wake))
				_exit(1);
			wake_poke(path); // finds nothing
			struct pollfd polled = {.fd = wake.fd, .events = POLLIN};
			_exit(poll(&polled, 1, 20000) == 1 && wake_drain(&wake) && !wake_drain(&wake) ? 0 : 2);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77) {
			print_message("no system call can be refused here\n");
			skip();
		}
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static void test_signals(void **state)
{
	(void)state;
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGWINCH};
	int fd, signo = 0;
	signal(SIGINT, SIG_DFL); // whatever was inherited
	assert_int_equal(signals_open(SIGNALS_SERVER, &fd, &why), MMS_OK);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_false(signals_next(fd, &signo));
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		assert_int_equal(raise(signals[i]), 0);
		assert_int_equal(pending(fd), POLLIN);
		assert_true(signals_next(fd, &signo));
		assert_int_equal(signo, signals[i]);
		assert_false(signals_next(fd, &signo));
	}
	close(fd);
}

static void test_sigpipe_is_ignored(void **state)
{
	(void)state;
	int fd, ends[2];
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(signals_open(SIGNALS_SERVER, &fd, &why), MMS_OK);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(write(ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(ends[1]);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_poke_wakes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_pokes_neither_block_nor_remain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_that_follow_are_stirred, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_poke_of_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_files_are_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_fifo_of_somebody_else, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_file_system_without_fifos, set_up, tear_down),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_sigpipe_is_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
