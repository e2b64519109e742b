#!/bin/sh
# The examples do what their comments say.  X1 X2 W2 W4 P6 L1
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

free_port
start smallest "$port"
is "smallest: says ohai over IPv4" "$(nc.openbsd -d 127.0.0.1 "$port")" ohai
is "smallest: says ohai over IPv6" "$(nc.openbsd -d ::1 "$port")" ohai
finish TERM
is "smallest: ends cleanly" "$status" 0

free_port
start lifecycle "127.0.0.1:$port"
is "lifecycle: echoes" "$(echo ohai | nc.openbsd -N 127.0.0.1 "$port")" ohai
wait "$server"
is "lifecycle: ends with its client" $? 0
has "lifecycle: shows each step" "$(cat "$tap_dir/lifecycle")" \
	create bind "127.0.0.1:$port" listen "asked 100000" \
	"got $(cat /proc/sys/net/core/somaxconn)" accept "a new one" \
	"remote address   127.0.0.1:" "ms in the queue" close

has "half_close: the answer comes on a half-closed connection" \
	"$("$HARK_EXAMPLES/half_close")" "the end came after 17 bytes" "reads '17 bytes'"

has "copies: close releases one, shutdown ends all" "$("$HARK_EXAMPLES/copies")" \
	"close of one copy:       the client sees nothing" \
	"close of the last copy:       the client sees the end" \
	"shutdown in the child:  the client sees the end" EPIPE

free_port
start both_families "localhost:$port" 2
has "both_families: IPv4" "$(nc.openbsd -d 127.0.0.1 "$port")" 127.0.0.1:
has "both_families: IPv6" "$(nc.openbsd -d ::1 "$port")" "[::1]:"
wait "$server"
is "both_families: ends after two" $? 0
is "both_families: one port" "$(grep -c ":$port" "$tap_dir/both_families")" 2

done_testing
