// SPDX-License-Identifier: ISC
// Pages of lists; the contract is in call_page.h.
#include "msg/call_page.h"

#include "msg/field.h"

enum { PAGE_MORE = 1, COUNT_AT = 1 };

void call_page_begin(struct call_page *page, uint8_t *body)
{
	*page = (struct call_page){.writer = field_body(body), .count_at = COUNT_AT};
	static const uint8_t flags_and_count[2];
	(void)field_end(&page->writer, write_bytes(&page->writer, flags_and_count, sizeof flags_and_count));
}

size_t call_page_end(struct call_page *page, bool has_more)
{
	page->writer.start[CALL_PAGE_FLAGS_AT] = has_more ? PAGE_MORE : 0;
	page->writer.start[page->count_at] = page->count;
	return page->writer.used_bytes;
}

bool call_page_added(struct call_page *page, const struct writer *before, bool fits)
{
	if (!fits || page->count == CALL_PAGE_ENTRIES_MAX) {
		page->writer = *before;
		return false;
	}
	page->count++;
	return true;
}

bool call_list_begin(struct call_list *list, const uint8_t *body, size_t bytes)
{
	uint8_t flags = 0;
	list->entries = reader_of(body, bytes);
	const bool is_good = read_u8(&list->entries, &flags) && read_u8(&list->entries, &list->count);
	list->has_more = (flags & PAGE_MORE) != 0;
	list->is_behind = false;
	return is_good && (list->count > 0 || !list->has_more);
}

bool call_names_add(struct call_page *page, const struct name *name)
{
	const struct writer before = page->writer;
	return call_page_added(page, &before, field_write_name(&page->writer, name));
}

enum mms_err call_names_decode(struct call_list *list, const struct name *after, const uint8_t *body, size_t bytes)
{
	bool is_good = call_list_begin(list, body, bytes);
	struct call_list page = *list;
	struct name last = *after;
	struct name name;
	while (is_good && call_names_read(&page, &name)) {
		is_good = name_order(&last, &name) < 0;
		last = name;
	}
	return field_verdict(&page.entries, is_good && page.count == 0);
}

bool call_names_read(struct call_list *list, struct name *name)
{
	if (list->count == 0 || !field_read_name(&list->entries, name))
		return false;
	list->count--;
	return true;
}
