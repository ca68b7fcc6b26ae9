/*
 * attack_store - a folder as a store is, and attempts at it that sandboxes
 * have in common (attack.h).
 */
#ifndef TESTS_ATTACK_STORE_H
#define TESTS_ATTACK_STORE_H

#include <sys/types.h>

/* `file`, `empty` and `gone` lie in it, and `link`, which leads out of it. */
struct attack_store {
	char path[64];
	int dir;
};
extern struct attack_store attack_store;

/* Ends the test where it cannot. */
void attack_store_make(mode_t folder, mode_t files);
void attack_store_remove(void);

/* 0: read. */
int attack_store_read(void);

/* 0: the forbidden thing was done. */
int attack_store_open_to_write(void);
int attack_store_truncate(void);
int attack_store_remove_file(void);
int attack_store_make_folder(void);
int attack_store_climb(void);
int attack_store_follow_link(void);

/* The same, in a folder that may be written. */
int attack_set_uid_at_birth(int dir);
int attack_folder_for_all(int dir);

#endif
