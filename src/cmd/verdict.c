// SPDX-License-Identifier: ISC
// What a refusal means; the contract is in verdict.h.
#include "cmd/verdict.h"

#include "cmd/exit.h"
#include "msg/call.h"

int verdict_say_refused(const struct phrase_out *out, uint8_t status, const char *recipient)
{
	switch (status) {
	case STATUS_NO_SUCH_USER:
		phrase_say_of(out, PHRASE_NO_SUCH_USER, recipient);
		return EXIT_NO_USER;
	case STATUS_BAD_TEXT:
		phrase_say(out, PHRASE_BAD_TEXT);
		return EXIT_BAD_TEXT;
	case STATUS_MAILBOX_FULL:
		phrase_say_of(out, PHRASE_MAILBOX_FULL, recipient);
		return EXIT_REFUSED;
	case STATUS_SERVER_FULL:
		phrase_say(out, PHRASE_SERVER_FULL);
		return EXIT_REFUSED;
	case STATUS_BAD:
		phrase_say_of(out, PHRASE_CONFLICT, recipient);
		return EXIT_PROTOCOL;
	default:
		phrase_say_of(out, PHRASE_REFUSED, recipient);
		return EXIT_REFUSED;
	}
}

int verdict_say_no_list(const struct phrase_out *out, uint8_t status, const char *server)
{
	phrase_say_of(out, PHRASE_NO_LIST, server);
	return status == STATUS_NOT_AUTHORIZED ? EXIT_DENIED : status == STATUS_SERVER_FULL ? EXIT_REFUSED : EXIT_PROTOCOL;
}
