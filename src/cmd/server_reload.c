// SPDX-License-Identifier: ISC
// The users file changed and read again; the contract is in server_reload.h.
#include "cmd/server_reload.h"

#include "cmd/exit.h"
#include "cmd/users_change.h"
#include "os/failure.h"
#include "os/file.h"
#include "os/log.h"

enum mms_err server_reload_open(struct server_reload *reload, struct server_users *users, const struct data_paths *paths,
				struct reason *why)
{
	*reload = (struct server_reload){.users = users, .paths = paths};
	return job_open(&reload->job, why);
}

// Changes the file. Returns the exit status, with `why` unless it is EXIT_DONE.
static int change(struct server_reload *reload)
{
	if (!file_is_stream(reload->paths->users.text))
		return users_change(reload->edit, reload->paths, USERS_CHANGE_HURRIES, &reload->why);
	failure_say(&reload->why, "the server was started with users from %.300s, which is no file that can be changed",
		    reload->paths->users.text);
	return EXIT_CONFIG;
}

// In the thread beside.
static void work(void *context)
{
	struct server_reload *reload = context;
	const bool is_edit = reload->edit != NULL;
	struct reason why;
	reload->fresh = NULL;
	reload->status = is_edit ? change(reload) : EXIT_DONE;
	if (reload->status != EXIT_DONE)
		return;
	reload->fresh = server_users_read_again(reload->users, reload->paths->users.text, is_edit, &why);
	if (reload->fresh != NULL)
		return;
	reload->status = EXIT_CANT_CREATE;
	failure_say(&reload->why, "%s%s", is_edit ? "the users file was changed, but is not in effect: " : "", why.text);
}

void server_reload_begin(struct server_reload *reload, const struct operator_request *edit)
{
	reload->edit = edit;
	job_start(&reload->job, work, reload);
}

void server_reload_take(struct server_reload *reload, struct server_node *node)
{
	if (!job_take(&reload->job))
		return;
	struct server_reading *fresh = reload->fresh;
	struct users_edited edited = {.status = reload->status, .reason = reload->why.text};
	if (fresh != NULL)
		edited = (struct users_edited){.users = &fresh->file.table, .user = fresh->user};
	else
		log_warn("the users stay as they were: %s", reload->why.text);
	if (reload->edit != NULL)
		server_node_users_edited(node, &edited);
	else
		server_node_users_read(node, edited.users, edited.user);
}

void server_reload_close(struct server_reload *reload)
{
	job_close(&reload->job);
}
