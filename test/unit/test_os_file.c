// SPDX-License-Identifier: ISC
// os/file and os/directory: whole files or none, whose they are, and what the sentences say.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "os/directory.h"
#include "os/file.h"
#include "scratch.h"

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

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void expect_text(const char *path, const char *expected)
{
	char *text;
	size_t bytes;
	assert_int_equal(file_read(path, 1000, &text, &bytes, &why), MMS_OK);
	assert_string_equal(text, expected);
	assert_int_equal(bytes, strlen(expected));
	free(text);
}

static unsigned mode_of(const char *path)
{
	struct stat status;
	assert_int_equal(lstat(path, &status), 0);
	return status.st_mode & 07777;
}

static mode_t mode_with_kind(const char *path)
{
	struct stat status;
	assert_int_equal(lstat(path, &status), 0);
	return status.st_mode;
}

// Names in the scratch directory, so that a temporary file left behind is seen.
static size_t count_names(void)
{
	size_t count = 0;
	DIR *directory = opendir(scratch.directory);
	assert_non_null(directory);
	for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

static void expect_said(const char *part)
{
	if (strstr(why.text, part) == NULL)
		print_error("'%s' is not in '%s'\n", part, why.text);
	assert_non_null(strstr(why.text, part));
	assert_null(strchr(why.text, '\n'));
}

static void test_read(void **state)
{
	(void)state;
	char *text;
	size_t bytes;
	const char *path = scratch_path(&scratch, "file");
	assert_int_equal(file_read(path, 10, &text, &bytes, &why), MMS_E_MISSING);
	assert_null(text);
	expect_said(path);
	expect_said("No such file");
	expect_said("check the path");
	put(path, "0123456789");
	assert_int_equal(file_read(path, 10, &text, &bytes, &why), MMS_OK);
	assert_int_equal(bytes, 10);
	assert_memory_equal(text, "0123456789", 11);
	free(text);
	assert_int_equal(file_read(path, 9, &text, &bytes, &why), MMS_E_BAD);
	assert_null(text);
	expect_said("larger than the 9 bytes");
	put(path, "");
	expect_text(path, "");
	assert_int_equal(file_read(scratch.directory, 10, &text, &bytes, &why), MMS_E_FORMAT);
	expect_said("a directory");
}

// Nothing that is no regular file is waited for, or opened by a write.
static void test_what_is_no_regular_file(void **state)
{
	(void)state;
	char *text;
	size_t bytes;
	const char *path = scratch_path(&scratch, "fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20); // ends a program that waits
	assert_int_equal(file_read(path, 10, &text, &bytes, &why), MMS_E_FORMAT);
	expect_said("FIFO");
	expect_said(path);
	assert_int_equal(file_replace(path, "x", 1, 0600, &why), MMS_E_FORMAT);
	assert_int_equal(file_read("/dev/full", 10, &text, &bytes, &why), MMS_E_FORMAT);
	expect_said("device");
	assert_int_equal(file_replace("/dev/full", "x", 1, 0600, &why), MMS_E_FORMAT);
	alarm(0);
	assert_true(S_ISFIFO(mode_with_kind(path)));
}

static void test_a_pipe_that_we_hold(void **state)
{
	(void)state;
	char path[64];
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "text", 4), 4);
	close(ends[1]);
	snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
	expect_text(path, "text");
	close(ends[0]);
}

static void test_new_files_are_their_directory_s_owners(void **state)
{
	(void)state;
	struct stat status;
	struct reason said;
	if (geteuid() != 0) {
		print_message("only root may give files away\n");
		skip();
	}
	assert_int_equal(chown(scratch.directory, 1234, 2345), 0);
	assert_int_equal(file_replace(scratch_path(&scratch, "file"), "new", 3, 0600, &said), MMS_OK);
	assert_int_equal(file_create_secret(scratch_path(&scratch, "secret"), "new", 3, &said), MMS_OK);
	assert_int_equal(directory_make(scratch_path(&scratch, "a/b"), 0700, &said), MMS_OK);
	static const char *const names[] = {"file", "secret", "a", "a/b"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(stat(scratch_path(&scratch, names[i]), &status), 0);
		assert_int_equal(status.st_uid, 1234);
		assert_int_equal(status.st_gid, 2345);
	}
	// What was there, by whatever name, is nobody's gift.
	const int fd = open(scratch_path(&scratch, "other"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	char name[sizeof scratch.path];
	snprintf(name, sizeof name, "%s", scratch_path(&scratch, "other"));
	assert_int_equal(link(name, scratch_path(&scratch, "second name")), 0);
	directory_own(fd, name);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_uid, 0);
	close(fd);
}

static void test_read_much(void **state)
{
	(void)state;
	enum { BYTES = 200000 };
	static char data[BYTES];
	char *text;
	size_t bytes;
	const char *path = scratch_path(&scratch, "file");
	for (size_t i = 0; i < BYTES; i++)
		data[i] = (char)('a' + i % 26);
	assert_int_equal(file_replace(path, data, BYTES, 0600, &why), MMS_OK);
	assert_int_equal(file_read(path, BYTES, &text, &bytes, &why), MMS_OK);
	assert_int_equal(bytes, BYTES);
	assert_memory_equal(text, data, BYTES);
	assert_int_equal(text[BYTES], 0);
	free(text);
	assert_int_equal(file_read(path, BYTES - 1, &text, &bytes, &why), MMS_E_BAD);
}

static void test_replace_creates_with_its_mode(void **state)
{
	(void)state;
	const char *path = scratch_path(&scratch, "file");
	const mode_t umask_before = umask(077);
	const enum mms_err err = file_replace(path, "new", 3, 0644, &why);
	umask(umask_before);
	assert_int_equal(err, MMS_OK);
	assert_int_equal(mode_of(path), 0644);
	expect_text(path, "new");
	assert_int_equal(count_names(), 1);
}

// Whoever opened the old file reads on in the old file: nothing was written into it.
static void test_replace_keeps_the_old_file_whole(void **state)
{
	(void)state;
	char text[16];
	const char *path = scratch_path(&scratch, "file");
	put(path, "old text");
	assert_int_equal(chmod(path, 0640), 0);
	FILE *old = fopen(path, "re");
	assert_non_null(old);
	assert_int_equal(file_replace(path, "new", 3, 0600, &why), MMS_OK);
	assert_int_equal(fread(text, 1, sizeof text, old), 8);
	assert_memory_equal(text, "old text", 8);
	fclose(old);
	expect_text(path, "new");
	assert_int_equal(mode_of(path), 0640);
	assert_int_equal(count_names(), 1);
}

static void test_replace_keeps_the_owner(void **state)
{
	(void)state;
	struct stat status;
	const char *path = scratch_path(&scratch, "file");
	if (geteuid() != 0) {
		print_message("only root may give files away\n");
		skip();
	}
	put(path, "old");
	assert_int_equal(chown(path, 1234, 2345), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(file_replace(path, "new", 3, 0600, &why), MMS_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 1234);
	assert_int_equal(status.st_gid, 2345);
	assert_int_equal(status.st_mode & 07777, 0640);

	// Somebody who may write the directory, but not give files away, ends as owner, and their group reads nothing.
	assert_int_equal(chmod(scratch.directory, 0777), 0);
	scratch_drop_rights();
	const enum mms_err err = file_replace(path, "newer", 5, 0600, &why);
	scratch_regain_rights();
	assert_int_equal(err, MMS_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 65534);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_replace_follows_links(void **state)
{
	(void)state;
	char link_path[sizeof scratch.path];
	snprintf(link_path, sizeof link_path, "%s", scratch_path(&scratch, "link"));
	assert_int_equal(symlink("file", link_path), 0);
	assert_int_equal(file_replace(link_path, "new", 3, 0600, &why), MMS_E_MISSING);
	expect_said(link_path);
	const char *path = scratch_path(&scratch, "file");
	put(path, "old");
	assert_int_equal(file_replace(link_path, "new", 3, 0600, &why), MMS_OK);
	expect_text(path, "new");
	struct stat status;
	assert_int_equal(lstat(link_path, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(count_names(), 2);
}

static void test_failed_replace_changes_nothing(void **state)
{
	(void)state;
	const char *path = scratch_path(&scratch, "directory");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(file_replace(path, "new", 3, 0600, &why), MMS_E_FORMAT);
	expect_said(path);
	assert_int_equal(count_names(), 1);

	// A file that may not grow beyond 4 bytes stands for a disk that fails in the middle of the write.
	path = scratch_path(&scratch, "file");
	put(path, "old");
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	const struct rlimit small = {4, before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	const enum mms_err replace_err = file_replace(path, "much longer", 11, 0600, &why);
	const enum mms_err create_err = file_create_secret(scratch_path(&scratch, "secret"), "much longer", 11, &why);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(replace_err, MMS_E_IO);
	assert_int_equal(create_err, MMS_E_IO);
	expect_text(scratch_path(&scratch, "file"), "old");
	assert_int_equal(count_names(), 2);
}

static void test_denied(void **state)
{
	(void)state;
	char *text;
	size_t bytes;
	const char *path = scratch_path(&scratch, "file");
	put(path, "old");
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(chmod(scratch.directory, 0555), 0);
	scratch_drop_rights();
	const enum mms_err read_err = file_read(path, 10, &text, &bytes, &why);
	const struct reason read_why = why;
	const enum mms_err replace_err = file_replace(path, "new", 3, 0600, &why);
	const enum mms_err create_err = file_create_secret(scratch_path(&scratch, "new"), "new", 3, &why);
	const enum mms_err make_err = directory_make(scratch_path(&scratch, "a/b"), 0700, &why);
	scratch_regain_rights();
	assert_int_equal(chmod(scratch.directory, 0700), 0);
	assert_int_equal(read_err, MMS_E_DENIED);
	assert_int_equal(replace_err, MMS_E_DENIED);
	assert_int_equal(create_err, MMS_E_DENIED);
	assert_int_equal(make_err, MMS_E_DENIED);
	expect_said("Permission denied");
	assert_non_null(strstr(read_why.text, "give this user the right to it"));
	assert_int_equal(count_names(), 1);
}

static void test_secret(void **state)
{
	(void)state;
	const char *path = scratch_path(&scratch, "key");
	const mode_t umask_before = umask(0);
	const enum mms_err err = file_create_secret(path, "abc", 3, &why);
	umask(umask_before);
	assert_int_equal(err, MMS_OK);
	assert_int_equal(mode_of(path), 0600);
	expect_text(path, "abc");
	assert_int_equal(file_create_secret(path, "def", 3, &why), MMS_E_EXISTS);
	expect_said(path);
	expect_text(path, "abc");
	assert_int_equal(count_names(), 1);
	assert_int_equal(symlink("elsewhere", scratch_path(&scratch, "link")), 0);
	assert_int_equal(file_create_secret(scratch_path(&scratch, "link"), "def", 3, &why), MMS_E_EXISTS);
	assert_int_equal(count_names(), 2);
}

static void test_directories(void **state)
{
	(void)state;
	const char *path = scratch_path(&scratch, "a/b//c/");
	assert_int_equal(directory_make(path, 0700, &why), MMS_OK);
	assert_int_equal(directory_make(path, 0700, &why), MMS_OK);
	assert_int_equal(mode_of(scratch_path(&scratch, "a")), 0700);
	assert_int_equal(mode_of(scratch_path(&scratch, "a/b/c")), 0700);
	put(scratch_path(&scratch, "file"), "");
	assert_int_equal(directory_make(scratch_path(&scratch, "file"), 0700, &why), MMS_E_EXISTS);
	expect_said("a file is in its place");
	assert_int_equal(directory_make(scratch_path(&scratch, "file/d"), 0700, &why), MMS_E_EXISTS);
	assert_int_equal(directory_make("", 0700, &why), MMS_E_MISSING);
	assert_int_equal(directory_sync(scratch.directory, &why), MMS_OK);
	assert_int_equal(directory_sync(scratch_path(&scratch, "none"), &why), MMS_E_MISSING);
	expect_said("none");
	assert_int_equal(directory_sync_parent(scratch_path(&scratch, "none/"), &why), MMS_OK);
	assert_int_equal(directory_sync_parent(scratch_path(&scratch, "none/x"), &why), MMS_E_MISSING);
	assert_int_equal(directory_sync_parent("x", &why), MMS_OK);
	assert_int_equal(directory_sync_parent("/x", &why), MMS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_regular_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_pipe_that_we_hold, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_files_are_their_directory_s_owners, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_much, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replace_creates_with_its_mode, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replace_keeps_the_old_file_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replace_keeps_the_owner, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replace_follows_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_replace_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_denied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_secret, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_directories, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
