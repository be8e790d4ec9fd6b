/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FS_LOOP_H
#define FS_LOOP_H

#include <fuse_lowlevel.h>

/*
 * Serves a session with at most `threads` workers until it is unmounted or a
 * signal ends it (fuse_set_signal_handlers). A worker is started when no other
 * waits for a request, and idle ones end after some seconds. One stays, with
 * the buffer that it has before the mount answers: memory that is short later
 * costs a worker, not the mount. Requests that were received are answered
 * before this returns 0, or -errno (the session cannot be read, no worker).
 *
 * Users take turns (fair.h): a request that has waited too long, or behind too
 * many, is refused with EBUSY. owner: of the mount, besides root.
 */
int loop_run(struct fuse_session *session, int threads, uid_t owner);

/* Called by a worker before it waits for the disk: another request of the user
 * may run meanwhile. In other threads it has no effect. */
void loop_pause(void);

#endif
