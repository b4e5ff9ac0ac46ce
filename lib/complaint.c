/* SPDX-License-Identifier: MIT */
#include "complaint.h"

#include "buf.h"
#include "log.h"

#include <string.h>

#define TEXT_MAX 256

void complaint_log(void *event, const char *format, va_list arguments)
{
    static _Atomic int64_t logged_us;
    char text[TEXT_MAX];

    if (log_is_due(&logged_us)) {
        (void)text_format(text, sizeof text, format, arguments);
        text[strcspn(text, "\n")] = '\0';
        log_info(event, log_text("message", text));
    }
}
