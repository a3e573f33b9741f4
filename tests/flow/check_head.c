/* Head: the forms of a request line, its target and its fields, and what is none. */
#include "../support/program.h"
#include "../support/rows.h"

/* -- the request line -- */

static const struct row lines[] = {
    {"method in small letters", BYTES("get /echo HTTP/1.1\r\nHost: t\r\n\r\n"), "405 O"},
    {"method that is longer than GET", BYTES("GETX /echo HTTP/1.1\r\nHost: t\r\n\r\n"), "405 O"},
    {"method of another service", BYTES("PROPFIND /echo HTTP/1.1\r\nHost: t\r\n\r\n"), "405 O"},
    {"TRACE", BYTES("TRACE /echo HTTP/1.1\r\nHost: t\r\n\r\n"), "405 O"},
    {"CONNECT", BYTES("CONNECT t:80 HTTP/1.1\r\nHost: t:80\r\n\r\n" WHO), "400 C"},
    {"at sign in the method", BYTES("G@T /echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"NUL behind the method", BYTES("GET\0 /echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"tab behind the method", BYTES("GET\t/echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"endless method", BYTES(MANY), "400 C", .many = "M", .times = 33},
    {"two spaces behind the method", BYTES("GET  /echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"two spaces before the version", BYTES("GET /echo  HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"space before the method", BYTES(" GET /echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"space behind the version", BYTES("GET /echo HTTP/1.1 \r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"form feed as a space", BYTES("GET\f/echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"CR as a space", BYTES("GET /echo\rHTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"line ended by LF alone", BYTES("GET /echo HTTP/1.1\nHost: t\r\n\r\n" WHO), "400 C"},
    {"line ended by CR alone", BYTES("GET /echo HTTP/1.1\rHost: t\r\n\r\n" WHO), "400 C"},
    {"no version", BYTES("GET /echo\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version in small letters", BYTES("GET /echo http/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version without a minor number", BYTES("GET /echo HTTP/1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version of two digits", BYTES("GET /echo HTTP/1.10\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version with a comma", BYTES("GET /echo HTTP/1,1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version that wraps to 1", BYTES("GET /echo HTTP/4294967297.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version 0.9", BYTES("GET /echo HTTP/0.9\r\n\r\n" WHO), "505 C"},
    {"version 1.2", BYTES("GET /echo HTTP/1.2\r\nHost: t\r\n\r\n" WHO), "505 C"},
    {"version 2.0", BYTES("GET /echo HTTP/2.0\r\nHost: t\r\n\r\n" WHO), "505 C"},
    {"preface of HTTP/2", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"), "505 C"},
    {"hello of TLS", BYTES("\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03"), "400 C"},
    {"empty lines before it", BYTES("\r\n\r\n" GET("/echo")), "200 O"},
    {"empty line with LF alone before it", BYTES("\n" GET("/who")), "400 C"},
    {"many empty lines before it", BYTES("\r\n\r\n\r\n\r\n\r\n" GET("/who")), "400 C"},
    {"half a line", BYTES("GET /ec"), "W > 200 O", .then = "ho HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"half a line, then the end", BYTES("GET /who HTTP/1.1\r\nHost: t\r\n"), "W H C"},
};

START_TEST(request_line_has_one_form) {
    TRY(lines);
}
END_TEST

/* -- the target -- */

static const struct row targets[] = {
    {"path", BYTES(GET("/echo")), "200 O"},
    {"query with all that it may hold", BYTES(GET("/echo?a=-._~!$&'()*+,;=:@/?%20")), "200 O"},
    {"escaped letter in the path", BYTES(GET("/ech%6f")), "404 O"},
    {"two slashes", BYTES(GET("//echo")), "404 O"},
    {"segment of two dots", BYTES(GET("/x/../who")), "404 O"},
    {"escaped NUL", BYTES(GET("/docs-files/%00")), "422 O"},
    {"other path in other letters", BYTES(GET("/ECHO")), "404 O"},
    {"absolute form", BYTES(GET("http://example.org/echo")), "200 O"},
    {"absolute form, other letters and a port", BYTES(GET("HTTP://Example.org:8080/echo?x")), "200 O"},
    {"absolute form of an IPv6 address", BYTES(GET("http://[::1]:80/echo")), "200 O"},
    {"absolute form without a path", BYTES(GET("http://example.org")), "404 O"},
    {"absolute form without a host", BYTES(GET("http:///who") WHO), "400 C"},
    {"absolute form with a user", BYTES(GET("http://me@example.org/who") WHO), "400 C"},
    {"absolute form with a port beyond 65535", BYTES(GET("http://t:65536/who") WHO), "400 C"},
    {"absolute form of another scheme", BYTES(GET("ftp://t/who") WHO), "400 C"},
    {"absolute form without Host", BYTES("GET http://t/who HTTP/1.1\r\n\r\n" WHO), "400 C"},
    {"asterisk", BYTES("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"), "204 O"},
    {"asterisk with GET", BYTES(GET("*") WHO), "400 C"},
    {"asterisk with more", BYTES("OPTIONS *x HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"authority alone", BYTES(GET("t:80") WHO), "400 C"},
    {"path without a slash", BYTES(GET("who") WHO), "400 C"},
    {"fragment", BYTES(GET("/who#x") WHO), "400 C"},
    {"percent sign alone", BYTES(GET("/who?%") WHO), "400 C"},
    {"percent sign with half a number", BYTES(GET("/who?%2") WHO), "400 C"},
    {"percent sign with no number", BYTES(GET("/who?%zz") WHO), "400 C"},
    {"byte beyond ASCII", BYTES(GET("/who?\xc3\xa9") WHO), "400 C"},
    {"NUL", BYTES(GET("/echo\0") WHO), "400 C"},
    {"quote in the path", BYTES(GET("/\"who\"") WHO), "400 C"},
    {"backslash", BYTES(GET("\\who") WHO), "400 C"},
    {"longest line", BYTES(GET("/echo?" MANY)), "200 O", .many = "a", .times = 8192 - 21},
    {"line too long by one", BYTES(GET("/who?" MANY) WHO), "414 C", .many = "a", .times = 8192 - 20 + 1},
};

START_TEST(target_is_a_path_or_an_http_uri) {
    TRY(targets);
}
END_TEST

/* -- Host -- */

static const struct row hosts[] = {
    {"no Host", BYTES("GET /who HTTP/1.1\r\n\r\n" WHO), "400 C"},
    {"no Host, but 1.0", BYTES("GET /echo HTTP/1.0\r\n\r\n"), "200 C"},
    {"empty", BYTES("GET /echo HTTP/1.1\r\nHost:\r\n\r\n"), "200 O"},
    {"twice the same", BYTES("GET /who HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"twice, other letters", BYTES("GET /who HTTP/1.1\r\nHost: t\r\nX-A: b\r\nhOST: u\r\n\r\n" WHO), "400 C"},
    {"twice, the first one empty", BYTES("GET /who HTTP/1.1\r\nHost:\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"list", BYTES("GET /who HTTP/1.1\r\nHost: t, u:80/x\r\n\r\n" WHO), "400 C"},
    {"path", BYTES("GET /who HTTP/1.1\r\nHost: t/who\r\n\r\n" WHO), "400 C"},
    {"user", BYTES("GET /who HTTP/1.1\r\nHost: me@t\r\n\r\n" WHO), "400 C"},
    {"space inside", BYTES("GET /who HTTP/1.1\r\nHost: t u\r\n\r\n" WHO), "400 C"},
    {"control byte", BYTES("GET /who HTTP/1.1\r\nHost: t\1\r\n\r\n" WHO), "400 C"},
    {"port that is no number", BYTES("GET /who HTTP/1.1\r\nHost: t:http\r\n\r\n" WHO), "400 C"},
    {"port alone", BYTES("GET /who HTTP/1.1\r\nHost: :80\r\n\r\n" WHO), "400 C"},
    {"IPv6 address", BYTES("GET /echo HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n"), "200 O"},
    {"IPv6 address without its end", BYTES("GET /who HTTP/1.1\r\nHost: [::1\r\n\r\n" WHO), "400 C"},
    {"other than the target's", BYTES("GET http://a/echo HTTP/1.1\r\nHost: b\r\n\r\n"), "200 O"},
};

START_TEST(host_is_there_once_and_is_a_host) {
    TRY(hosts);
}
END_TEST

/* -- fields -- */

static const struct row fields[] = {
    {"all bytes of a name", BYTES(FIELDS("!#$%&'*+-.^_`|~09azAZ: v\r\n")), "200 O"},
    {"white space around a value", BYTES(FIELDS("X-A: \t v \t \r\nX-B:\r\nX-C:v\r\n")), "200 O"},
    {"high bytes and quotes in a value", BYTES(FIELDS("X-A: \"\xc3\xa9\\\" \xff\r\n")), "200 O"},
    {"space before the colon", BYTES(FIELDS("X-A : v\r\n") WHO), "400 C"},
    {"tab before the colon", BYTES(FIELDS("X-A\t: v\r\n") WHO), "400 C"},
    {"Host with a space before the colon", BYTES("GET /who HTTP/1.1\r\nHost : t\r\n\r\n" WHO), "400 C"},
    {"no colon", BYTES(FIELDS("X-A\r\n") WHO), "400 C"},
    {"no name", BYTES(FIELDS(": v\r\n") WHO), "400 C"},
    {"colon alone", BYTES(FIELDS(":\r\n") WHO), "400 C"},
    {"quoted name", BYTES(FIELDS("\"X-A\": v\r\n") WHO), "400 C"},
    {"brackets in a name", BYTES(FIELDS("X[a]: v\r\n") WHO), "400 C"},
    {"control byte in a name", BYTES(FIELDS("X\1A: v\r\n") WHO), "400 C"},
    {"high byte in a name", BYTES(FIELDS("X\xe9: v\r\n") WHO), "400 C"},
    {"folded line", BYTES(FIELDS("X-A: v\r\n w\r\n") WHO), "400 C"},
    {"line folded by a tab", BYTES(FIELDS("X-A: v\r\n\tw\r\n") WHO), "400 C"},
    {"first line folded", BYTES("GET /who HTTP/1.1\r\n Host: t\r\n\r\n" WHO), "400 C"},
    {"line of white space", BYTES(FIELDS("X-A: v\r\n \r\n") WHO), "400 C"},
    {"NUL in a value", BYTES(FIELDS("X-A: v\0w\r\n") WHO), "400 C"},
    {"NUL before a name", BYTES(FIELDS("\0X-A: v\r\n") WHO), "400 C"},
    {"bell in a value", BYTES(FIELDS("X-A: \a\r\n") WHO), "400 C"},
    {"DEL in a value", BYTES(FIELDS("X-A: v\x7f\r\n") WHO), "400 C"},
    {"CR alone in a value", BYTES(FIELDS("X-A: v\rContent-Length: 30\r\n") WHO), "400 C"},
    {"LF alone in a value", BYTES(FIELDS("X-A: v\nContent-Length: 30\r\n") WHO), "400 C"},
    {"line ended by LF", BYTES("GET /who HTTP/1.1\r\nHost: t\n\r\n" WHO), "400 C"},
    {"line ended by two CR", BYTES("GET /who HTTP/1.1\r\nHost: t\r\r\n\r\n" WHO), "400 C"},
    {"head ended by LF", BYTES("GET /who HTTP/1.1\r\nHost: t\r\n\n" WHO), "400 C"},
    {"head ended by CR", BYTES("GET /who HTTP/1.1\r\nHost: t\r\n\r" WHO), "400 C"},
    {"two media types", BYTES(FIELDS("Content-Type: a/b\r\nContent-Type: a/c\r\n") WHO), "400 C"},
    {"as many fields as there may be", BYTES(FIELDS(MANY)), "200 O", .many = "X-A: v\r\n", .times = 99},
    {"one field more", BYTES(FIELDS(MANY) WHO), "431 C", .many = "X-A: v\r\n", .times = 100},
    {"longest head", BYTES(FIELDS("X-A: " MANY "\r\n")), "200 O", .many = "v", .times = 16384 - 38},
    {"head too long by one", BYTES(FIELDS("X-A: " MANY "\r\n") WHO), "431 C", .many = "v", .times = 16384 - 38 + 1},
};

START_TEST(field_has_one_form) {
    TRY(fields);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        request_line_has_one_form,
        target_is_a_path_or_an_http_uri,
        host_is_there_once_and_is_a_host,
        field_has_one_form,
    };
    return suite_run("head", tests, sizeof tests / sizeof *tests);
}
