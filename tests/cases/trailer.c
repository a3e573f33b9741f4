/* Cases: what is behind the last chunk. */
#include "cases.h"

static const struct row rows[] = {
    {"trailer", BYTES(CHUNKS("1\r\nx\r\n0\r\nX-A: b\r\nContent-Length: 30\r\n\r\n") GET("/noop")), "200 200 O",
     .body = "x"},
    {"trailer with a space before the colon", BYTES(CHUNKS("0\r\nX-A : b\r\n\r\n") WHO), "400 C"},
    {"trailer without a colon", BYTES(CHUNKS("0\r\nX-A\r\n\r\n") WHO), "400 C"},
    {"folded trailer", BYTES(CHUNKS("0\r\nX-A: b\r\n c\r\n\r\n") WHO), "400 C"},
    {"LF alone in a trailer", BYTES(CHUNKS("0\r\nX-A: b\nX-C: d\r\n\r\n") WHO), "400 C"},
    {"endless trailer", BYTES(CHUNKS("0\r\n" MANY "\r\n") WHO), "400 C", .many = "X-A: b\r\n", .times = 1025},
    {"empty value and white space", BYTES(CHUNKS("0\r\nX-A:\r\nX-B: \t b \t\r\n\r\n") GET("/noop")), "200 200 O"},
    {"fields that matter in a head",
     BYTES(CHUNKS("1\r\nx\r\n0\r\n" CODING
                  "Host: u\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Type: a\r\n\r\n") GET("/noop")),
     "200 200 O", .body = "x"},
    {"length of what follows", BYTES(CHUNKS("0\r\nContent-Length: 30\r\n\r\n") GET("/noop")), "200 200 O"},
    {"as many fields as there may be", BYTES(CHUNKS("0\r\n" MANY "\r\n")), "200 O", .many = "X: y\r\n", .times = 100},
    {"one field more", BYTES(CHUNKS("0\r\n" MANY "\r\n") WHO), "400 C", .many = "X: y\r\n", .times = 101},
    {"longest", BYTES(CHUNKS("0\r\nX: " MANY "\r\n\r\n")), "200 O", .many = "v", .times = 8192 - 7},
    {"too long by one", BYTES(CHUNKS("0\r\nX: " MANY "\r\n\r\n") WHO), "400 C", .many = "v", .times = 8192 - 6},
    {"endless name", BYTES(CHUNKS("0\r\n" MANY)), "400 C", .many = "n", .times = 8193},
    {"no name", BYTES(CHUNKS("0\r\n: y\r\n\r\n") WHO), "400 C"},
    {"tab before the colon", BYTES(CHUNKS("0\r\nX\t: y\r\n\r\n") WHO), "400 C"},
    {"space before the name", BYTES(CHUNKS("0\r\n X: y\r\n\r\n") WHO), "400 C"},
    {"folded by a tab", BYTES(CHUNKS("0\r\nX: y\r\n\tz\r\n\r\n") WHO), "400 C"},
    {"line of white space", BYTES(CHUNKS("0\r\nX: y\r\n \r\n\r\n") WHO), "400 C"},
    {"byte that no name has", BYTES(CHUNKS("0\r\nX" EACH "A: y\r\n\r\n") WHO), "400 C",
     EACH_OF(" \"(),/;<=>?@[\\]{}\x80\xa0\xff")},
    {"control byte before a name", BYTES(CHUNKS("0\r\n" EACH "X: y\r\n\r\n") WHO), "400 C", EACH_OF(CONTROLS)},
    {"control byte in a name", BYTES(CHUNKS("0\r\nX" EACH "A: y\r\n\r\n") WHO), "400 C", EACH_OF(CONTROLS)},
    {"control byte in a value", BYTES(CHUNKS("0\r\nX: y" EACH "z\r\n\r\n") WHO), "400 C", EACH_OF(CONTROLS_BUT_TAB)},
    {"control byte behind a value", BYTES(CHUNKS("0\r\nX: y" EACH "\r\n\r\n") WHO), "400 C", EACH_OF(CONTROLS_BUT_TAB)},
    {"line ended by LF", BYTES(CHUNKS("0\r\nX: y\n\r\n") WHO), "400 C"},
    {"line ended by CR", BYTES(CHUNKS("0\r\nX: y\r\r\n") WHO), "400 C"},
    {"ended by LF", BYTES(CHUNKS("0\r\nX: y\r\n\n") WHO), "400 C"},
    {"request instead", BYTES(CHUNKS("0\r\n" WHO) WHO), "400 C"},
    {"in two parts", BYTES(CHUNKS("0\r\nX: ")), "W > 200 O", .body = "", .then = "y\r\n\r\n"},
    {"end of the client inside", BYTES(CHUNKS("0\r\nX: y\r\n")), "W H C"},
};

CASES(trailer, rows);
