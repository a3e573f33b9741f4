/**
 * Guard: keeps web pages of other sites away from the admin plane.
 *
 * The admin plane has no passwords: whoever reaches its address may use it. A browser on that machine reaches it too, on
 * behalf of any site that the person looks at. Two rules keep such a site out:
 * - the Host must be an IP address or localhost, since a site whose name was rebound to 127.0.0.1 (DNS rebinding)
 *   sends its own name; the admin's address is always one of the two. Anything else gets a 421.
 * - a POST that carries an Origin must come from the plane's own pages; another site's gets a 403. Tools send none.
 *
 * Thread: any; pure.
 */
#ifndef SERVER_ADMIN_GUARD_H
#define SERVER_ADMIN_GUARD_H

#include <stdbool.h>

/** Whether the value of a Host field names an IP address or localhost, with or without a port. */
bool guard_is_local_host(const char *host);

/** Whether the value of an Origin field is that of pages which were fetched from this Host. */
bool guard_is_same_origin(const char *origin, const char *host);

#endif
