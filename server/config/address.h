/**
 * Address: the places to listen on, checked as text.
 *
 * Thread: any.
 */
#ifndef SERVER_CONFIG_ADDRESS_H
#define SERVER_CONFIG_ADDRESS_H

#include <stdbool.h>

/** What is wrong with an address. hint may be NULL. Both are constants. */
struct address_mistake {
    const char *message;
    const char *hint;
};

/** Whether text is IPv4:port, [IPv6]:port, unix:/absolute/path or systemd:NAME. Returns: false with *ret_mistake. */
bool address_check_listen(const char *text, struct address_mistake *ret_mistake);

/** Whether text is IPv4:port or "none". Returns: false with *ret_mistake. */
bool address_check_admin(const char *text, struct address_mistake *ret_mistake);

#endif
