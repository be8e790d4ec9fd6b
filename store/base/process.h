/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_BASE_PROCESS_H
#define STORE_BASE_PROCESS_H

/* Keys will be in this process's memory: it goes into no core dump, and no debugger reads it. */
void process_protect(void);

#endif
