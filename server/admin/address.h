/**
 * Address: where the admin plane listens, and where the command line finds it.
 *
 * "127.0.0.1:9090" or "localhost:9090", nothing else: the packaged CivetWeb has neither IPv6 nor unix sockets.
 */
#ifndef SERVER_ADMIN_ADDRESS_H
#define SERVER_ADMIN_ADDRESS_H

#include <netinet/in.h>
#include <tothread/status.h>

#define ADDRESS_DEFAULT "127.0.0.1:9090"

/** Thread: any. Returns: TT_OK; TT_INVALID with *reterr, whose text names what is wrong with it. */
enum tt_status address_parse(const char *text, struct sockaddr_in *ret_address, struct tt_error *reterr) TT_MUST_CHECK;

#endif
