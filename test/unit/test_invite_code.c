// SPDX-License-Identifier: ISC
// Tests of cmd/invite_code: what people make of a code on its way, and what is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/invite_code.h"
#include "cmd/output.h"

#define CODE "OU_nMu1b1u-nlXaXckULTw"

static void test_codes_as_they_are_handed_on(void **state)
{
	static const char *const typed[] = {
		CODE, CODE "\n", CODE "\r\n", " " CODE, "\t" CODE "  ", "<" CODE ">", "< " CODE " >", "\"" CODE "\"",
		"'" CODE "'", "`" CODE "`", "(" CODE ")", "[" CODE "].", "**" CODE "**", CODE ".", CODE ",", CODE ":",
		"\xe2\x80\x9c" CODE "\xe2\x80\x9d", "\xe2\x80\x9e" CODE "\xe2\x80\x9c", // the curly quotes, and low ones
		"\xe2\x80\x98" CODE "\xe2\x80\x99", "\xc2\xab\xc2\xa0" CODE "\xc2\xa0\xc2\xbb", "\xe2\x80\xb9" CODE "\xe2\x80\xba",
		"\xef\xbb\xbf" CODE, CODE "\xe2\x80\x8b", "\xe3\x80\x80" CODE, // a byte order mark, zero width, a wide blank
		"invite=" CODE, "INVITE=" CODE, "invite: " CODE, "Invite code: " CODE, "MMS_INVITE=" CODE, "MMS_INVITE='" CODE "'",
		"--invite=" CODE, "code: <" CODE ">\n",
		"OU_nMu1b1u-\n nlXaXckULTw", "OU_nMu1b1u\xe2\x80\x91nlXaXckULTw", "OU_nMu1b1u\xe2\x80\x93nlXaXckULTw",
		"OU_nMu1b1u-nlXaXckU\xc2\xadLTw",
	};
	(void)state;
	for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
		char code[INVITE_CODE_TEXT_BYTES] = "";
		if (!invite_code_read(typed[i], strlen(typed[i]), code))
			fail_msg("%zu: %s", i, typed[i]);
		assert_string_equal(code, CODE);
	}
}

static void test_what_is_no_code(void **state)
{
	static const char *const typed[] = {
		"", " ", "<>", "invite=", "x", "OU_nMu1b1u-nlXaXckULT", CODE "A", CODE CODE, "OU.nMu1b1u-nlXaXckULTw",
		"OU_nMu1b1u+nlXaXckULTw", "OU_nMu1b1u-nlXaXckULTx", // the last letter has bits that must be 0
		"OU_nMu1b1u\xe2\x80\x94nlXaXckULTw", "OU_nMu1b1u\"nlXaXckULTw", "other=" CODE, CODE " " CODE, CODE "\xff",
		"\xc3\xb6U_nMu1b1u-nlXaXckULTw", "----------------------------------------------------------------------",
	};
	char code[INVITE_CODE_TEXT_BYTES] = "unchanged";
	(void)state;
	for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++)
		if (invite_code_read(typed[i], strlen(typed[i]), code))
			fail_msg("%zu: %s", i, typed[i]);
	assert_false(invite_code_read(CODE "\0x", sizeof CODE + 1, code));
	assert_string_equal(code, "unchanged");
}

static void test_an_option_goes_before_the_environment(void **state)
{
	static const struct options_command command = {.name = "mms test", .positionals = "", .summary = ""};
	const char *invite = NULL;
	int status = 0;
	(void)state;
	unsetenv("MMS_INVITE");
	assert_true(invite_code_choose(&invite, &command, &status));
	assert_null(invite);
	setenv("MMS_INVITE", "", 1);
	assert_true(invite_code_choose(&invite, &command, &status));
	assert_null(invite);
	setenv("MMS_INVITE", "<" CODE ">\n", 1);
	assert_true(invite_code_choose(&invite, &command, &status));
	assert_string_equal(invite, CODE);
	invite = "invite=AAAAAAAAAAAAAAAAAAAAAA";
	assert_true(invite_code_choose(&invite, &command, &status));
	assert_string_equal(invite, "AAAAAAAAAAAAAAAAAAAAAA");
	invite = "CODE";
	assert_false(invite_code_choose(&invite, &command, &status));
	assert_int_equal(status, EXIT_USAGE);
	setenv("MMS_INVITE", "CODE", 1);
	invite = NULL;
	assert_false(invite_code_choose(&invite, &command, &status));
	unsetenv("MMS_INVITE");
}

int main(void)
{
	output_open();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes_as_they_are_handed_on),
		cmocka_unit_test(test_what_is_no_code),
		cmocka_unit_test(test_an_option_goes_before_the_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
