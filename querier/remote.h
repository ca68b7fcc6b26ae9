/*
 * remote - hands a question for a ClickHouse server to goquery-remote, the
 * program that may use the network.
 */
#ifndef QUERIER_REMOTE_H
#define QUERIER_REMOTE_H

/* Becomes goquery-remote, from the same folder, with the same arguments. */
_Noreturn void remote_exec(char **argv);

#endif
