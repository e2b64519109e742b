#!/bin/sh
# One handler under every model, alone and in workers.  S1 S2 S5
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

head -c 300000 /dev/urandom >"$tap_dir/large"

# echoes NAME MODEL [WORKERS]
echoes() {
	sentence=$1 model=$2
	shift 2
	free_port
	start echo_models "$model" "localhost:$port" "$@"
	is "$sentence: over IPv4" "$(echo ohai | nc.openbsd -N 127.0.0.1 "$port")" ohai
	is "$sentence: over IPv6" "$(echo ohai | nc.openbsd -N ::1 "$port")" ohai
	nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/large" >"$tap_dir/back"
	cmp -s "$tap_dir/large" "$tap_dir/back"
	is "$sentence: 300 kB come back as they were" $? 0
	within 10 told 3
	is "$sentence: each is told of when it has ended" $? 0
	finish TERM
	is "$sentence: ends cleanly" "$status" 0
}

# told COUNT
told() {
	[ "$(grep -c ', ended after' "$tap_dir/echo_models")" = "$1" ]
}

# by_server: how many of the three it served in its own process
by_server() {
	grep -c "in process $server," "$tap_dir/echo_models"
}

if ! present nc.openbsd; then
	skip "the models" "nc.openbsd is not installed"
	done_testing
fi
for model in serial thread pool; do
	echoes "$model" "$model"
	is "$model: in the server's process" "$(by_server)" 3
done
echoes fork fork
is "fork: in other processes" "$(by_server)" 0
for model in serial fork thread pool; do
	echoes "$model in two workers" "$model" 2
	is "$model in two workers: not in the server's process" "$(by_server)" 0
done

"$HARK_EXAMPLES/echo_models" fibre 127.0.0.1:0 >"$tap_dir/wrong" 2>&1
is "no model of that name: exit code" $? 100
has "no model of that name: usage" "$(cat "$tap_dir/wrong")" usage:
for model in fiber spawn; do
	timeout 10 "$HARK_EXAMPLES/echo_models" "$model" 127.0.0.1:0 >"$tap_dir/wrong" 2>&1
	is "$model: is refused, with a reason" "$?-$(wc -l <"$tap_dir/wrong")" 100-1
done

done_testing
