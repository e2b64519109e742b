/*
 * All scenarios of the fault sweep, each with the sentence that is so when it holds, in
 * the order of a socket's life. test_sweep.c makes a test of each.
 */
#ifndef TESTS_SWEEP_SCENARIOS_H
#define TESTS_SWEEP_SCENARIOS_H

#include "sweep.h"

#define SWEEP_SCENARIOS(X)                                                          \
	X(parse_scope, "parsing an address with the name of an interface")          \
	X(parse_scope_number, "parsing an address with the number of an interface") \
	X(text_of_scope, "the text of an address with an interface")                \
	X(resolve_name, "resolving a name that the hosts file knows")               \
	X(resolve_service, "resolving the name of a service")                       \
	X(socket, "creating a socket")                                              \
	X(socket_on_stdin, "creating a socket while descriptor 0 is free")          \
	X(socket_at_limit, "creating a socket when no descriptor is left")          \
	X(socket_options, "creating a socket with every option")                    \
	X(socket_notices, "creating a socket with options that may be missing")     \
	X(bind, "binding to an address that might be a broadcast one")              \
	X(bind_refused, "binding without permission")                               \
	X(bind_unix, "binding to a Unix path")                                      \
	X(listen, "listening")                                                      \
	X(listen_again, "listening with another backlog")                           \
	X(open_ipv4, "opening an IPv4 listener")                                    \
	X(open_ipv6, "opening an IPv6 listener")                                    \
	X(open_on_stdin, "opening a listener while descriptor 0 is free")           \
	X(open_refused, "opening a listener whose listen fails")                    \
	X(open_unix, "opening a listener at a fresh Unix path")                     \
	X(open_abstract, "opening a listener with an abstract Unix name")           \
	X(open_stale, "opening a listener at a stale Unix path")                    \
	X(open_live, "opening a listener at a live server's Unix path")             \
	X(open_owned, "opening a Unix listener with mode and owner")                \
	X(open_locked, "opening a Unix listener in a locked directory")             \
	X(open_unix_refused, "opening a Unix listener whose listen fails")          \
	X(adopt, "adopting a listener")                                             \
	X(adopt_stdin, "adopting a listener on descriptor 0")                       \
	X(listener_send, "passing a listener on")                                   \
	X(listener_receive, "being passed a listener")                              \
	X(listener_receive_late, "being passed a listener, which comes later")      \
	X(adopt_unix, "adopting a Unix listener")                                   \
	X(close_now, "closing a listener")                                          \
	X(close_now_unix, "closing a Unix listener")                                \
	X(tcp_server, "one dual-stack server")                                      \
	X(tcp_server_name, "one server for the first address of a name")            \
	X(unix_server, "one Unix server")                                           \
	X(set_every, "a set of every address, on one port of the kernel's choice")  \
	X(set_every_lenient, "a lenient set of every address")                      \
	X(set_localhost, "a set for localhost")                                     \
	X(set_half_open, "a set whose second listen fails")                         \
	X(set_no_port, "a set that finds no port in common")                        \
	X(set_name, "a set for a name that the hosts file knows")                   \
	X(set_unix, "a set with a Unix path")                                       \
	X(set_descriptor, "a set with an inherited descriptor")                     \
	X(set_activation, "a set by socket activation")                             \
	X(set_grows, "adding to a set that has listeners")                          \
	X(set_close, "closing a set")                                               \
	X(sockets, "all the sockets of a TCP server")                               \
	X(server_loop, "a server in one call, from the first socket to the last")   \
	X(accept, "accepting")                                                      \
	X(accept_on_stdin, "accepting while descriptor 0 is free")                  \
	X(accept_at_limit, "accepting when no descriptor is left")                  \
	X(accept_try, "accepting without waiting")                                  \
	X(accept_try_empty, "accepting without waiting, and nobody is there")       \
	X(accept_wait, "accepting with a time limit")                               \
	X(accept_wait_late, "accepting with a time limit that comes first")         \
	X(accept_wait_woken, "accepting until woken")                               \
	X(accept_shut_down, "accepting from a Unix listener that was shut down")    \
	X(wake_create, "making a wake descriptor")                                  \
	X(wake, "waking")                                                           \
	X(wake_clear, "clearing a wake descriptor")                                 \
	X(loop, "a loop that is woken by its handler")                              \
	X(loop_stopping, "a loop that is told to stop with a client in the queue")  \
	X(loop_signals, "a loop that minds signals")                                \
	X(loop_unix, "a loop over a Unix listener that is closed next")             \
	X(loop_shedding, "a loop that sheds a client for want of a descriptor")     \
	X(loop_exhausted, "a loop that is out of descriptors for a while")          \
	X(local_addr, "the local address of a connection")                          \
	X(queue_wait, "how long a connection waited")                               \
	X(queue_read, "the queue of a listener")                                    \
	X(read, "reading")                                                          \
	X(read_waits, "reading what comes later")                                   \
	X(write, "writing")                                                         \
	X(write_waits, "writing once there is room")                                \
	X(half_close, "closing either half and both")                               \
	X(close, "closing a connection")                                            \
	X(close_reset, "closing with a reset")                                      \
	X(close_lingering, "closing when the client has closed")                    \
	X(quiesce_begin, "beginning a quiesce")                                     \
	X(quiesce_steer, "beginning one beside a successor")                        \
	X(quiesce_undo, "undoing a quiesce")                                        \
	X(quiesce_accept, "accepting until a quiesce is over")                      \
	X(quiesce_close, "closing what was quiesced")                               \
	X(spawn, "starting a program")                                              \
	X(nofile_read, "reading the limit of descriptors")                          \
	X(nofile_raise, "raising the limit of descriptors")                         \
	X(notify, "telling a service manager")                                      \
	X(notify_waits, "telling a service manager that is behind")                 \
	X(notify_open_on_stdin, "a way to a manager while descriptor 0 is free")    \
	X(watchdog, "how often a service manager wants to hear")                    \
	X(server_create, "making a server")                                         \
	X(server_create_on_stdin, "making a server while descriptor 0 is free")     \
	X(server_destroy, "destroying a server")                                    \
	X(server_attend, "a descriptor is attended to")                             \
	X(server_listen, "a server that listens")                                   \
	X(server_adopt, "a server that adopts a listener")                          \
	X(server_stop, "stopping a server")                                         \
	X(server_snapshot, "a snapshot of a server")                                \
	X(server_run, "a server that serves one client")                            \
	X(server_run_told, "a server that tells a service manager")                 \
	X(server_run_upgrade, "a server whose successor fails")                     \
	X(server_run_program, "a server that runs a program for one client")        \
	X(serve, "a server in one call")                                            \
	X(conn_read, "a handler that reads")                                        \
	X(conn_read_late, "a handler that reads what does not come")                \
	X(conn_write, "a handler that writes")                                      \
	X(conn_send_file, "a handler that sends a file")                            \
	X(conn_wait, "a handler that waits")                                        \
	X(conn_connect, "a handler that connects onward")                           \
	X(conn_close_write, "a handler that has no more to say")                    \
	X(conn_release, "a handler that keeps its descriptor")                      \
	X(conn_abort, "a handler that resets its client")                           \
	X(conn_ask, "a handler that asks who it is")                                \
	X(pure, "the functions that make no system call")

/* Skips where IPv6 is off (sweep_listener.c). */
void sweep_require_ipv6(void);

/* A name of this host that the hosts file knows, or skips (sweep_address.c). */
const char *sweep_hosts_name(void);

#define SWEEP_DECLARE(name, sentence) extern const struct scenario sweep_##name;
SWEEP_SCENARIOS(SWEEP_DECLARE)

#endif
