// SPDX-License-Identifier: ISC
// What both databases share over SQLite: opening with the promised durability, statements, transactions, and errors in
// words. Layer: store; private to this folder. The caller owns `struct sql`, which must not move while open; one thread;
// open it after any fork. Every function that fails leaves a sentence in sql->reason.
//
// Errors: MMS_E_NOSPACE: the disk, a quota or a file size limit is used up. MMS_E_BUSY: another process held the lock
// for longer than busy_ms. MMS_E_EXISTS: a unique or check constraint forbids it. MMS_E_FORMAT: not our database, or
// damaged. MMS_E_DENIED: the file or its directory is another user's. MMS_E_IO: everything else.
#ifndef MMS_STORE_SQL_H
#define MMS_STORE_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/name.h"

enum {
	SQL_PAGE_BYTES = 4096,    // of a page, in the database and in the log; SQLite's default
	SQL_SCHEMA_PARTS = 3,
	SQL_WAL_PAGES_MAX = 1000, // pages in the log after which a commit copies them into the database
};

// One kind of database.
struct sql_kind {
	const char *noun;             // what it is in a reason: "server database"
	const char *elsewhere;        // what to use instead of this file: "another data directory"
	uint32_t application_id;      // stands in the file's header
	uint32_t version;             // of the schema this program writes; all others are refused
	const char *schema[SQL_SCHEMA_PARTS]; // the script that makes it; NULL: there is no such part
	int busy_ms;                  // how long a call may wait for other processes
	int cache_kib;                // memory for pages, used as needed
	// SQLite before 3.51.3 can lose a commit when one connection checkpoints while another one writes. So: PASSIVE
	// only where one connection does both; TRUNCATE, which holds the writers' lock meanwhile, where there are more.
	int checkpoint_mode;
	bool is_shared; // several processes may have it open; else the caller sees to it that it is one
};

// Where a transaction begins and ends.
enum sql_bound { SQL_BEGIN, SQL_COMMIT, SQL_BOUND_COUNT };

enum sql_access {
	SQL_READ_WRITE = 1, // made when missing (mode 0600); after an unclean end its log is copied
	SQL_READ_ONLY = 2,  // must exist in our version; nothing is ever written or checkpointed
};

struct sql {
	sqlite3 *db; // NULL: closed
	sqlite3_stmt *bound[SQL_BOUND_COUNT]; // of transactions that write, made when first used
	const struct sql_kind *kind;
	char *path;
	int wal_pages; // in the log after the last commit
	int use_fd;    // PATH-use, locked; -1: none
	bool is_alone; // when it was opened, no other process had it open
	bool was_made; // PATH-use says that there was a database
	ino_t inode;   // of the file; 0: not known
	ino_t log_inode;
	dev_t device;
	bool is_stuck; // a transaction could not even be given up; the next call tries again
	struct reason reason;
};

// Opens the database at `path`; `kind` is kept until sql_close. Also MMS_E_MISSING (read only, no such file),
// MMS_E_DENIED, MMS_E_VERSION. On error `sql` is closed, but its reason stays.
enum mms_err sql_open(struct sql *sql, const char *path, const struct sql_kind *kind, enum sql_access mode) MUST_CHECK;

// The parts of opening that have files of their own. Taking a place finds out whether this process is alone with the
// database; alone, what an unclean end left is mended; opened, other processes may come; given, it is as if never taken.
enum mms_err sql_place_take(struct sql *sql) MUST_CHECK;
enum mms_err sql_recover(struct sql *sql) MUST_CHECK; // must be alone
enum mms_err sql_place_opened(struct sql *sql) MUST_CHECK;
void sql_place_give(struct sql *sql);

// The files under a database, before SQLite opens them. MMS_E_FORMAT: one is no regular file, and opening or reading it may
// wait for ever.
enum mms_err sql_file_check(struct sql *sql) MUST_CHECK;

// Gives a file that root has just made to the owner of its directory, who is to go on using it (as os/directory.h does for our
// other files). SQLite does the same for its -wal and -shm files.
void sql_file_own(const struct sql *sql, int fd);

// Whether the database and its directory can be written. False: `errno` says why not.
bool sql_file_is_writable(const struct sql *sql);

enum { SQL_URI_BYTES = 3 * 4096 + 64 };

// How a database is named to SQLite to be read. In a directory that cannot be written SQLite cannot make the index of its log;
// with nothing in the log it can be read without one (a server that starts just then would have to be in another mount of
// the directory). `uri` may hold the name. NULL: `reason` says why it cannot be read; MMS_E_DENIED.
const char *sql_file_name(struct sql *sql, char uri[SQL_URI_BYTES]);

// Whether the database still stands where it was opened, and its log beside it. MMS_E_IO: removed, emptied or replaced;
// what is written from now on is lost, and what was committed a moment ago may be.
enum mms_err sql_check_place(struct sql *sql) MUST_CHECK;

// Whether the log still holds what was committed to it and is not in the database yet. To be asked outside of a transaction,
// before the next one makes the file as long as it was. Errors as sql_check_place.
enum mms_err sql_check_log(struct sql *sql) MUST_CHECK;

// Reads the whole file. MMS_E_FORMAT: damaged.
enum mms_err sql_check(struct sql *sql) MUST_CHECK;

// Closes it; all statements must be finalized before. A zeroed or closed struct is accepted.
void sql_close(struct sql *sql);

// Makes `count` statements; MMS_E_FORMAT when the schema does not have what they name. On error none is left.
enum mms_err sql_prepare(struct sql *sql, const char *const *texts, size_t count, sqlite3_stmt **statements) MUST_CHECK;

// Finalizes `count` statements; NULL ones are accepted.
void sql_finalize(sqlite3_stmt **statements, size_t count);

// Binds parameter `index`, counted from 1, of a statement that is not running. Memory is borrowed until the statement
// has run. A number must not exceed INT64_MAX.
void sql_bind_int(sqlite3_stmt *statement, int index, int64_t value);
void sql_bind_number(sqlite3_stmt *statement, int index, uint64_t value);
void sql_bind_null(sqlite3_stmt *statement, int index);
void sql_bind_blob(sqlite3_stmt *statement, int index, const void *data, size_t bytes);
void sql_bind_name(sqlite3_stmt *statement, int index, const struct name *name);

// Steps to the next row. MMS_OK: there is one, sql_reset has to follow before the statement is used again.
// MMS_E_MISSING: no more. On anything but MMS_OK the statement is reset.
enum mms_err sql_row(struct sql *sql, sqlite3_stmt *statement) MUST_CHECK;

// Runs a statement to its end and resets it; rows it gives are passed over.
enum mms_err sql_run(struct sql *sql, sqlite3_stmt *statement) MUST_CHECK;

// Ends the run of a statement, so that no read transaction stays open.
void sql_reset(sqlite3_stmt *statement);

// Runs SQL text without results.
enum mms_err sql_exec(struct sql *sql, const char *text) MUST_CHECK;

// Reads columns of the current row. False: not a value of that kind and size, the file was tampered with.
bool sql_read_number(sqlite3_stmt *statement, int column, uint64_t *value); // 0 to INT64_MAX
bool sql_read_blob(sqlite3_stmt *statement, int column, void *target, size_t bytes);
bool sql_read_name(sqlite3_stmt *statement, int column, struct name *name);
// At most `capacity_bytes`, at least one.
bool sql_read_text(sqlite3_stmt *statement, int column, uint8_t *target, size_t capacity_bytes, uint16_t *bytes);

// Begins a transaction that may write. MMS_E_IO also as sql_check_log.
enum mms_err sql_begin(struct sql *sql) MUST_CHECK;

// Makes the transaction durable, where the database stands; on error it is rolled back, except that MMS_E_IO may also mean
// that the checkpoint after it failed, or that the file is gone: then nobody knows, and the process must stop.
enum mms_err sql_commit(struct sql *sql) MUST_CHECK;

// Copies the log into the database now, and gives pages that were freed at its end back to the disk. Without room, or
// with a reader in the way, the log stays as it is, as durable as the database. MMS_E_IO: the process must stop.
enum mms_err sql_checkpoint(struct sql *sql) MUST_CHECK;

// Gives up the open transaction, if there is one. MMS_E_IO: there was no memory even for that; what uses the database next
// tries again, and fails too if it cannot, so that nobody reads what was to be undone.
enum mms_err sql_rollback(struct sql *sql) MUST_CHECK;

// Ends a transaction begun by sql_begin: commits when `err` is MMS_OK, else rolls back and returns `err`, or MMS_E_IO
// when that fails.
enum mms_err sql_end(struct sql *sql, enum mms_err err) MUST_CHECK;

// Turns the connection's last error into ours, right after the call that failed, before which errno was 0. `doing` is
// what was tried, as a verb: "read".
enum mms_err sql_fail(struct sql *sql, const char *doing);

// Fills in the reason for a failure of a system call, and returns its error.
enum mms_err sql_fail_system(struct sql *sql, const char *doing, int error);

// Notes that the file holds what no MMS writes there; returns MMS_E_FORMAT.
enum mms_err sql_damaged(struct sql *sql, const char *what);

#endif
