// SPDX-License-Identifier: ISC
// The stateful fuzzer: its bytes take every decision of a simulated run (test/sim), people and faults alike, and the
// simulator's invariants say whether it went well. What the bytes do not decide comes from their first two as a seed.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "report.h"
#include "world.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	report_set_trace(getenv("MMS_SIM_TRACE") != NULL); // to replay one input and read it
	return crypto_init() == MMS_OK ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (bytes < 3)
		return -1;
	if (setjmp(report_escape) == 0) {
		world_run_briefly((uint64_t)data[0] << 8 | data[1], data + 2, bytes - 2);
		return 0;
	}
	world_end();
	fprintf(stderr, "%s\n", report_why());
	abort();
}
