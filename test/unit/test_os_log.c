// SPDX-License-Identifier: ISC
// os/log, os/clock, os/random: the shape of a line, and that clocks and randomness are what they claim.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <regex.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "os/random.h"

enum { HEAD_BYTES = 24 }; // "2026-02-03T04:05:06.789Z"

static int pipe_read, stderr_before;
static char line[8192];

static int catch_stderr(void **state)
{
	int ends[2];
	(void)state;
	stderr_before = dup(STDERR_FILENO);
	if (stderr_before < 0 || pipe2(ends, O_NONBLOCK) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
		return -1;
	close(ends[1]);
	pipe_read = ends[0];
	return 0;
}

static int release_stderr(void **state)
{
	(void)state;
	dup2(stderr_before, STDERR_FILENO);
	close(stderr_before);
	close(pipe_read);
	return 0;
}

// What has been logged since the last call, as text.
static const char *logged(void)
{
	const ssize_t bytes = read(pipe_read, line, sizeof line - 1);
	line[bytes > 0 ? bytes : 0] = 0;
	return line;
}

static void test_shape(void **state)
{
	(void)state;
	regex_t shape;
	assert_int_equal(regcomp(&shape, "^20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9][.]"
				 "[0-9][0-9][0-9]Z mms server: 3 fish\n$", REG_EXTENDED | REG_NOSUB), 0);
	log_open("mms server", LOG_LEVEL_INFO);
	log_info("%d %s", 3, "fish");
	assert_int_equal(regexec(&shape, logged(), 0, NULL, 0), 0);
	regfree(&shape);
}

static void fill_stderr(void)
{
	static const char junk[4096];
	const int flags = fcntl(STDERR_FILENO, F_GETFL);
	assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK), 0);
	while (write(STDERR_FILENO, junk, sizeof junk) > 0)
		;
	assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, flags & ~O_NONBLOCK), 0); // a write would wait
}

// Nobody reads: lines are lost and not waited for, and then it is said how many.
static void test_nobody_reads(void **state)
{
	(void)state;
	log_open("m", LOG_LEVEL_INFO);
	fill_stderr();
	for (int i = 0; i < 3; i++)
		log_info("lost %d", i);
	log_debug("not even meant to be written");
	while (read(pipe_read, line, sizeof line) > 0)
		;
	log_info("seen");
	static const char told[] = " m: 3 lines of this log are lost: there was no room where it goes\n";
	const char *text = logged();
	assert_memory_equal(text + HEAD_BYTES, told, strlen(told));
	assert_string_equal(text + HEAD_BYTES + strlen(told) + HEAD_BYTES, " m: seen\n");
	log_info("more");
	assert_string_equal(logged() + HEAD_BYTES, " m: more\n");
}

static void test_levels(void **state)
{
	(void)state;
	log_open("m", LOG_LEVEL_WARN);
	log_info("no");
	log_debug("no");
	assert_string_equal(logged(), "");
	log_warn("yes");
	assert_string_equal(logged() + HEAD_BYTES, " m: yes\n");
	log_open("m", LOG_LEVEL_DEBUG);
	log_debug("%s", "yes");
	assert_string_equal(logged() + HEAD_BYTES, " m: yes\n");
}

static void test_one_call_is_one_line(void **state)
{
	(void)state;
	log_open("m", LOG_LEVEL_INFO);
	log_info("a\nb\tc\x1b[2Jd\x7f" "e\xc3\xa9");
	assert_string_equal(logged() + HEAD_BYTES, " m: a?b?c?[2Jd?e\xc3\xa9\n");
	log_info("%s", "a\xc2\x9b" "2Jb\xe2\x80\xae" "c\xe2\x80\xa8" "d\xff" "e\xc3"); // CSI in one byte, bidi, a separator, no UTF-8
	assert_string_equal(logged() + HEAD_BYTES, " m: a??2Jb???c???d?e?\n");
}

static void test_long_lines_are_cut(void **state)
{
	(void)state;
	static char text[2 * LOG_LINE_BYTES_MAX];
	log_open("m", LOG_LEVEL_INFO);
	memset(text, 'x', sizeof text - 1);
	log_info("%s", text);
	const char *cut = logged();
	assert_int_equal(strlen(cut), LOG_LINE_BYTES_MAX);
	assert_string_equal(cut + LOG_LINE_BYTES_MAX - 5, "x...\n");

	// The shortest line that is cut, and the longest that is not.
	text[LOG_LINE_BYTES_MAX - HEAD_BYTES - 4] = 0;
	log_info("%s", text);
	cut = logged();
	assert_int_equal(strlen(cut), LOG_LINE_BYTES_MAX);
	assert_string_equal(cut + LOG_LINE_BYTES_MAX - 5, "x...\n");
	text[LOG_LINE_BYTES_MAX - HEAD_BYTES - 5] = 0;
	log_info("%s", text);
	cut = logged();
	assert_int_equal(strlen(cut), LOG_LINE_BYTES_MAX);
	assert_string_equal(cut + LOG_LINE_BYTES_MAX - 5, "xxxx\n");

	// A character of four bytes is not cut in two, wherever it stands.
	for (size_t shift = 0; shift < 4; shift++) {
		for (size_t i = 0; i < sizeof text - 1; i++)
			text[i] = i < shift ? 'x' : "\xf0\x9f\x90\x9f"[(i - shift) % 4];
		log_info("%s", text);
		cut = logged();
		const size_t bytes = strlen(cut);
		assert_string_equal(cut + bytes - 4, "...\n");
		assert_int_equal((bytes - 4 - HEAD_BYTES - 4 - shift) % 4, 0);
	}
}

static void test_clocks(void **state)
{
	(void)state;
	struct timespec boot;
	const struct mtime first = clock_monotonic();
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &boot), 0);
	const struct mtime second = clock_monotonic();
	const int64_t between_us = (int64_t)boot.tv_sec * 1000000 + boot.tv_nsec / 1000;
	assert_true(first.us > 0);
	assert_true(first.us <= between_us);
	assert_true(between_us <= second.us);

	const time_t before = time(NULL);
	const struct wtime wall = clock_wall();
	assert_true(wall.ms / 1000 >= before);
	assert_true(wall.ms / 1000 <= time(NULL) + 1);
}

static void test_random(void **state)
{
	(void)state;
	enum { BYTES = 5000 };
	static uint8_t a[BYTES + 1], b[BYTES];
	const struct rng rng = random_rng();
	a[BYTES] = 0x55;
	rng_fill(&rng, a, 0);
	assert_int_equal(a[0], 0);
	rng_fill(&rng, a, BYTES);
	rng_fill(&rng, b, BYTES);
	assert_int_equal(a[BYTES], 0x55);
	assert_memory_not_equal(a, b, BYTES);
	// 16 equal bytes in a row would be a part that was not filled.
	for (size_t i = 0; i + 16 <= BYTES; i++)
		assert_memory_not_equal(a + i, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shape, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_nobody_reads, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_levels, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_one_call_is_one_line, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_long_lines_are_cut, catch_stderr, release_stderr),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
