/* The floor: the least that a single-threaded program does per probe. It connects, sees that it is connected, closes
 * (tcp), or sends a request between and reads the status (http). No deadline, no health, no log: it finds nothing out.
 *
 *     floor tcp|http COUNT PORT
 *
 * Each of COUNT loopback addresses once per second, evenly spread, until a signal ends it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
#define EVENTS 1024
static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n";

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int http = !strcmp(argv[1], "http"), count = atoi(argv[2]), port = atoi(argv[3]), next = 0;
    if (count < 1) return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct sockaddr_in *to = calloc(count, sizeof *to);
    uint64_t *due = calloc(count, sizeof *due), began = now();
    int poll = epoll_create1(0);
    static struct epoll_event events[EVENTS];
    static char answer[65536];
    if (!to || !due || poll < 0) return 1;
    for (int i = 0; i < count; i++) {
        to[i].sin_family = AF_INET;
        to[i].sin_port = htons(port);
        to[i].sin_addr.s_addr = htonl(0x7f010000u + (i / 250) * 256 + i % 250 + 1);
        due[i] = began + SECOND * i / count;
    }
    for (;;) {
        uint64_t at = now();
        for (; due[next] <= at; next = (next + 1) % count) { /* due times go round in the order of the targets */
            due[next] += SECOND;
            int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            if (s < 0) continue; /* counted by whoever serves: it did not come */
            if (connect(s, (void *)&to[next], sizeof to[next]) && errno != EINPROGRESS) {
                close(s);
                continue;
            }
            struct epoll_event want = {.events = EPOLLOUT, .data.fd = s};
            epoll_ctl(poll, EPOLL_CTL_ADD, s, &want);
        }
        at = now();
        int found = epoll_wait(poll, events, EVENTS, due[next] > at ? (due[next] - at + 999999) / 1000000 : 0);
        for (int i = 0; i < found; i++) {
            int s = events[i].data.fd;
            if (events[i].events & EPOLLOUT) {
                int error = 0;
                socklen_t size = sizeof error;
                getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size);
                if (!error && http && write(s, REQUEST, sizeof REQUEST - 1) > 0) {
                    struct epoll_event want = {.events = EPOLLIN, .data.fd = s};
                    epoll_ctl(poll, EPOLL_CTL_MOD, s, &want);
                    continue;
                }
            } else if (read(s, answer, sizeof answer) < 12 || memcmp(answer + 9, "200", 3)) {
                return 1;
            }
            close(s);
        }
    }
}
