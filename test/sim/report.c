// SPDX-License-Identifier: ISC
// The contract is in report.h.
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

#include "world.h"

static struct {
	uint64_t count[SIGHT_COUNT];
	char why[400];
	bool is_tracing;
} report;

jmp_buf report_escape;

void report_sight(enum sight sight)
{
	report.count[sight]++;
}

uint32_t report_sights(void)
{
	static const char *const words[] = {
#define WORDS(name, words) words,
		SIM_SIGHTS(WORDS)
#undef WORDS
	};
	uint32_t never_count = 0;
	for (int i = 0; i < SIGHT_COUNT; i++) {
		printf("%12llu  %s\n", (unsigned long long)report.count[i], words[i]);
		never_count += report.count[i] == 0;
	}
	return never_count;
}

void report_failure(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(report.why, sizeof report.why, format, arguments);
	va_end(arguments);
	longjmp(report_escape, 1);
}

const char *report_why(void)
{
	return report.why;
}

void report_set_trace(bool is_on)
{
	report.is_tracing = is_on;
}

void report_trace(const char *format, ...)
{
	va_list arguments;
	if (!report.is_tracing)
		return;
	printf("%14.6f s  ", (double)world.now.us / 1e6);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}
