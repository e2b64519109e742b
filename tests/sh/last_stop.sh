#!/bin/sh
# The last stop, seen from another host 20 ms away: with 200 clients at once, many of them
# half-way through the handshake, none that was connected loses its answer, and the report
# says so.  Beside it a way that loses some.  X3 D0 S5
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

port=4481
chmod 777 "$tap_dir"
mkfifo "$tap_dir/until"
control=$tap_dir/control

# host N: what a script of that host begins with
host() {
	echo "ip addr add 10.82.0.$1/24 dev wire0
	ip addr add fd82::$1/64 dev wire0 nodad
	ip link set wire0 up
	ip link set lo up"
}

if ! why=$("$HARK_LINK" 0 0 "$(host 1)" "$(host 2)" 2>&1); then
	skip "the last stop, from another host" "no line to another host here: $why"
	done_testing
fi

# Whoever nobody is must be able to run it.
cp "$HARK" "$(dirname "$HARK")"/libhark.so.? "$tap_dir" 2>/dev/null
server_of() {
	echo "LD_LIBRARY_PATH=$tap_dir exec $1 $tap_dir/hark serve --control $control $2"
}

served_some() {
	said=$("$HARK" status --control "$control" 2>/dev/null) &&
		[ "$(printf '%s\n' "$said" | sed -n 's/^accepted  *//p')" -ge 1000 ]
}

# stop LOSS SERVER CLIENT...: each CLIENT an address; what the clients saw is in $became, what
# the stop said in $said
stop() {
	loss=$1 server_script=$2
	shift 2
	clients=
	for address; do
		clients="$clients
		$HARK_STORM $((200 / $#)) $address $port <$tap_dir/until >$tap_dir/became.$address &"
	done
	timeout 100 "$HARK_LINK" 20 "$loss" "$(host 1)
	$server_script" "$(host 2)
	until [ -S $control ]; do sleep 0.02; done
	$clients
	wait" 2>"$tap_dir/log" &
	line=$!
	tap_pids="$tap_pids $line"
	exec 7>"$tap_dir/until"
	within 20 served_some
	said=$(timeout 60 "$HARK" stop --control "$control" 2>&1)
	exec 7>&-
	wait "$line"
	became=$(cat "$tap_dir"/became.*)
	rm -f "$tap_dir"/became.*
	note "$became"
	note "$said"
}

# lost WHAT: of all clients
lost() {
	printf '%s\n' "$became" | sed "s/.* $1 \([0-9]*\).*/\1/" | awk '{ n += $1 } END { print n + 0 }'
}

half_way() {
	printf '%s\n' "$said" | sed -n 's/.* queue, \([0-9]*\) from half-way.*/\1/p'
}

# loses_nobody SENTENCE METHOD: an echo may end one who has said nothing for a moment, cleanly
loses_nobody() {
	is "$1: nobody is reset" "$(lost reset) $(lost wrong) $(lost silent)" "0 0 0"
	has "$1: and the report says so" "$said" "closed ($2) after " ", 0 lost"
	all_half_way=$((all_half_way + $(half_way)))
}
all_half_way=0

stop 0 "$(server_of "" "--echo $port")" 10.82.0.1
loses_nobody "a ghost" ghost
stop 0 "$(server_of "" "--echo $port")" fd82::1
loses_nobody "over IPv6" ghost
stop 0 "$(server_of "" "--workers 2 --echo $port")" 10.82.0.1 fd82::1
loses_nobody "both on one port, with workers" ghost
if present setpriv && setpriv --reuid=65534 --clear-groups --no-new-privs true; then
	stop 0 "$(server_of "setpriv --reuid=65534 --clear-groups --no-new-privs" \
		"--echo $port")" 10.82.0.1
	loses_nobody "without any privilege" ghost
else
	skip "without any privilege" "needs setpriv"
fi
stop 0 "$(server_of "" "--quiesce filter --echo $port")" 10.82.0.1
loses_nobody "a filter" filter
stop 2 "$(server_of "" "-c 1000 --wait $port -- cat")" 10.82.0.1
loses_nobody "with two packets of a hundred lost" ghost
is "and all get their whole answer" "$(lost short)" 0

# They come in waves, so at one moment it may be none, but not at all of them.
[ "$all_half_way" -gt 0 ]
is "some were half-way" $? 0

# What everybody else does.
for _ in 1 2 3 4 5; do
	stop 0 "$(server_of "" "--quiesce until-empty --echo $port")" 10.82.0.1
	[ "$(lost reset)" -gt 0 ] && break
done
[ "$(lost reset)" -gt 0 ]
is "who only empties the queue resets those half-way" $? 0

done_testing
