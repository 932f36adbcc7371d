/* Lets keepalived's checkers run where the kernel has no IPVS: what it would ask of the kernel's table succeeds and
 * does nothing. Its checkers are untouched, so it is charged for less than its work, never for more.
 *
 * With NO_LINGER set, its SO_LINGER is left out too, as keepalived itself does since 2.3.2: before that, close() may
 * block the one thread of all checkers until the realserver has acknowledged. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/socket.h>

#define FAMILY 42 /* any number: no message is sent to it */

int genl_ctrl_resolve(void *sock, const char *name) { (void)sock, (void)name; return FAMILY; }
int nl_send_auto(void *sock, void *msg) { (void)sock, (void)msg; return 0; }

/* It reads until its own callback says that the acknowledgement has come, so that is called at once. */
typedef int (*heard)(void *message, void *argument);
enum { FINISH = 1, ACK = 4 }; /* of enum nl_cb_type in netlink/handlers.h */
static heard callback;
static void *argument_of_it;

int nl_socket_modify_cb(void *sock, int type, int kind, heard function, void *argument) {
    (void)sock, (void)kind;
    if (type == FINISH || type == ACK) callback = function, argument_of_it = argument;
    return 0;
}

int nl_recvmsgs_default(void *sock) {
    (void)sock;
    if (callback) callback(NULL, argument_of_it);
    return 0;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
    static int (*real)(int, int, int, const void *, socklen_t);
    if (!real) real = dlsym(RTLD_NEXT, "setsockopt");
    if (level == SOL_SOCKET && option == SO_LINGER && getenv("NO_LINGER")) return 0;
    return real(fd, level, option, value, size);
}
