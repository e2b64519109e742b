#!/bin/sh
# Listening sockets that a service manager passes: systemd's way, and on descriptor 0.  A1 D2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

if ! present systemd-socket-activate; then
	skip "activation by systemd" "no systemd-socket-activate here"
	done_testing
fi

# ask ARGUMENT...: what a client hears from an echo
ask() {
	echo ohai | timeout 20 nc.openbsd -N "$@"
}

hear() {
	timeout 20 nc.openbsd -N "$@" </dev/null
}

# activate ARGUMENT...: it waits for the first client, and becomes what it starts
activate() {
	log=$tap_dir/log.$tap_count
	: >"$log"
	systemd-socket-activate "$@" 2>"$log" &
	server=$!
	tap_pids="$tap_pids $server"
	within 10 logged 'Listening on' "$sockets"
}

# Two ports that were free a moment ago, on an address where no client of another test gets
# one of them meanwhile.
free_port
first=$port
free_port
second=$port
host=127.81.$(($$ / 250 % 250)).$(($$ % 250 + 1))

# ------------------------------------------------------------------ a dozen, back to back

sockets=1
good=0 ended=0
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	activate -l "$host:$first" "$HARK" serve activation --echo
	if [ "$(ask "$host" "$first")" = ohai ]; then
		good=$((good + 1))
	else
		note "$(cat "$log")"
	fi
	finish TERM
	[ "$status" != 0 ] || ended=$((ended + 1))
done
is "of a dozen activations each serves its first client" "$good" 12
is "and each ends well" "$ended" 12

activate -l "$host:$first" "$HARK" serve --workers 2 activation -- cat
is "with workers and a program" "$(ask "$host" "$first")$(ask "$host" "$first")" ohaiohai
finish TERM

activate -l "$tap_dir/socket" "$HARK" serve activation --echo
is "a Unix socket" "$(ask -U "$tap_dir/socket")" ohai
finish TERM
is "whose path is the manager's" "$(ls "$tap_dir/socket")" "$tap_dir/socket"

# -------------------------------------------------------------------------- several, names

sockets=2
activate -l "$host:$first" -l "$host:$second" --fdname=web:admin \
	"$HARK" serve activation --echo
is "two sockets, both taken" "$(ask "$host" "$first")$(ask "$host" "$second")" ohaiohai
finish TERM

activate -l "$host:$first" -l "$host:$second" --fdname=web:admin \
	"$HARK" serve activation:admin --echo
is "one by its name" "$(ask "$host" "$second")" ohai
is "and that one alone" "$(grep -c 'listening on' "$log")" 1
finish TERM

activate -l "$host:$first" -l "$host:$second" --fdname=web:admin \
	"$HARK" serve activation:mail --echo
ask "$host" "$first" >/dev/null
wait "$server"
is "a name that was not passed: exit code" $? 100
has "and which" "$(cat "$log")" "'mail'" LISTEN_FDNAMES

sockets=1
activate -l "$host:$first" "$HARK" serve activation -- env
hear "$host" "$first" >"$tap_dir/env"
has "a program has its own variables" "$(cat "$tap_dir/env")" PROTO=TCP "TCPLOCALPORT=$first"
is "and none of the activation" "$(grep -c ^LISTEN_ "$tap_dir/env")" 0
finish TERM

# ----------------------------------------------------------------------- on descriptor 0

# Which of its descriptors are sockets.
sockets_of='for i in 0 1 2 3 4 5 6 7 8 9; do
		case $(readlink /proc/$$/fd/$i) in socket:*) printf "%s " $i ;; esac
	done'
activate --inetd -l "$host:$first" "$HARK" serve fd:0 -- sh -c "$sockets_of"
is "a listener on descriptor 0; a program has its connection, and nothing else" \
	"$(hear "$host" "$first")" "0 1 "
is "hark itself has it above the standard ones" \
	"$(readlink "/proc/$server/fd/0" "/proc/$server/fd/1")" "/dev/null
/dev/null"
finish TERM
is "which ends well" "$status" 0

# A connection is no listener: hark is no program under another inetd.
log=$tap_dir/log.accept
systemd-socket-activate --accept --inetd -l "$host:$first" \
	"$HARK" serve fd:0 --echo 2>"$log" &
server=$!
tap_pids="$tap_pids $server"
within 10 logged 'Listening on' 1
hear "$host" "$first" >"$tap_dir/said"
within 10 logged "fd:0" 1
has "a connection on descriptor 0 is refused" "$(cat "$log")" "cannot adopt 'fd:0'" EINVAL
kill "$server"
wait "$server" 2>/dev/null

done_testing
