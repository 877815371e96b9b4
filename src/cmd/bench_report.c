// SPDX-License-Identifier: ISC
// What `mms bench` prints; the contract is in bench.h.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/bench.h"
#include "ui/printer.h"

enum { P50_PER_MILLE = 500, P99_PER_MILLE = 990, KEY_COUNT_MAX = 32, NUMBER_BYTES = 32 };

// One figure: its name in JSON, what it is in words, its number; "null" in JSON and nothing in the table when not known.
struct figure {
	const char *key;
	const char *words;
	char number[NUMBER_BYTES];
};

struct figures {
	struct figure figure[KEY_COUNT_MAX];
	size_t count;
};

uint64_t bench_result_lost(const struct bench_result *result)
{
	const uint64_t settled = result->delivered + result->refused;
	return result->sent > settled ? result->sent - settled : 0;
}

static void add(struct figures *figures, const char *key, const char *words, bool is_known, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void add(struct figures *figures, const char *key, const char *words, bool is_known, const char *format, ...)
{
	struct figure *figure = &figures->figure[figures->count++];
	va_list arguments;
	figure->key = key;
	figure->words = words;
	figure->number[0] = 0;
	if (!is_known)
		return;
	va_start(arguments, format);
	vsnprintf(figure->number, sizeof figure->number, format, arguments);
	va_end(arguments);
}

static void gather(struct figures *figures, const struct bench_options *options, const struct bench_result *result)
{
	const double seconds = (double)result->measured_us / 1e6;
	const double messages = result->measured > 0 ? (double)result->measured : 1;
	const bool has_cpu = result->has_server_cpu && result->measured > 0;
	const bool has_times = result->times.count > 0;
	const double wall = result->measured_us > 0 ? (double)result->measured_us : 1;
	add(figures, "pairs", "pairs", true, "%" PRIu64, options->pairs);
	add(figures, "window", "messages of a pair under way, at most", options->rate == 0, "%" PRIu64, options->window);
	add(figures, "rate", "messages a second, asked for", options->rate > 0, "%" PRIu64, options->rate);
	add(figures, "size", "bytes of a text", true, "%" PRIu64, options->size);
	add(figures, "seconds", "seconds measured", true, "%.3f", seconds);
	add(figures, "delivered_per_s", "messages delivered a second", true, "%.1f", (double)result->measured / wall * 1e6);
	add(figures, "p50_us", "microseconds to the recipient, half of them at most", has_times, "%" PRId64,
	    bench_times_quantile(&result->times, P50_PER_MILLE));
	add(figures, "p99_us", "the same, 99 in 100", has_times, "%" PRId64,
	    bench_times_quantile(&result->times, P99_PER_MILLE));
	add(figures, "server_cpu_us_per_message", "microseconds of the server's CPU a message", has_cpu, "%.2f",
	    (double)result->server_cpu_us / messages);
	add(figures, "server_cpu_share", "of a core, by the server", result->has_server_cpu, "%.3f",
	    (double)result->server_cpu_us / wall);
	add(figures, "load_cpu_share", "of a core, by the load", true, "%.3f", (double)result->load_cpu_us / wall);
	add(figures, "server_cpu_us_per_signin", "microseconds of the server's CPU a sign-in", result->has_server_cpu, "%.1f",
	    (double)result->server_signin_cpu_us / (double)(2 * options->pairs));
	add(figures, "server_drops", "datagrams lost at the server's socket", result->has_drops, "%" PRIu64, result->server_drops);
	add(figures, "load_drops", "datagrams lost at the load's socket", true, "%" PRIu64, result->load_drops);
	add(figures, "sent", "messages sent, the warm-up's included", true, "%" PRIu64, result->sent);
	add(figures, "delivered", "of them delivered", true, "%" PRIu64, result->delivered);
	add(figures, "refused", "refused", true, "%" PRIu64, result->refused);
	add(figures, "lost", "lost", true, "%" PRIu64, bench_result_lost(result));
	add(figures, "doubled", "delivered twice in one session", true, "%" PRIu64, result->doubled);
	add(figures, "repeated", "delivered again in a later session", true, "%" PRIu64, result->repeated);
	add(figures, "disordered", "delivered behind a later one", true, "%" PRIu64, result->disordered);
}

void bench_report(const struct bench_options *options, const struct bench_result *result)
{
	struct figures figures = {.count = 0};
	gather(&figures, options, result);
	char text[KEY_COUNT_MAX * (NUMBER_BYTES + 40)] = "{\"v\":1";
	size_t bytes = strlen(text);
	for (size_t i = 0; i < figures.count; i++) {
		const struct figure *figure = &figures.figure[i];
		const bool is_known = figure->number[0] != 0;
		if (options->is_json)
			bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, ",\"%s\":%s", figure->key,
						  is_known ? figure->number : "null");
		else if (is_known)
			(void)printer_line(PRINTER_OUT, "%12s  %s", figure->number, figure->words);
	}
	if (!options->is_json)
		return;
	bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, "}\n");
	(void)printer_write_whole(PRINTER_OUT, text, bytes);
}

void bench_tell(const char *format, ...)
{
	enum { STANDARD_ERROR = 2 };
	char text[256];
	va_list arguments;
	if (isatty(STANDARD_ERROR) != 1)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	(void)printer_line(PRINTER_ERR, "mms bench: %s", text);
}
