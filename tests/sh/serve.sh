#!/bin/sh
# The main job: an echo on both families of localhost, ended by signals without losing
# anybody.  W2 W4 A1 L1
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

serve --echo localhost:0
is "both families are on one port" \
	"$(grep -c "listening on [^ ]*:$port," "$log")" 2
for host in localhost 127.0.0.1 ::1; do
	is "echo over $host" "$(echo ohai | nc.openbsd -N "$host" "$port")" ohai
done
finish INT
is "SIGINT: exit 0" "$status" 0
has "and it said so" "$(cat "$log")" "hark: stopping"

serve --echo 127.0.0.1:0
finish TERM
is "SIGTERM: exit 0" "$status" 0

serve --echo 127.0.0.1:0 "unix:$tap_dir/sock"
is "echo over a Unix path" "$(echo ohai | nc.openbsd -N -U "$tap_dir/sock")" ohai
finish TERM
is "the path is gone after the end" "$(ls "$tap_dir"/sock 2>/dev/null)" ""

# Conversations in progress get what they sent, then the end.
serve --echo 127.0.0.1:0
mkfifo "$tap_dir/in"
nc.openbsd 127.0.0.1 "$port" <"$tap_dir/in" >"$tap_dir/out" &
client=$!
exec 3>"$tap_dir/in"
echo first >&3
within 10 grep -q first "$tap_dir/out"
finish TERM
is "an idle conversation does not hold up the end" "$status" 0
exec 3>&-
wait "$client"
is "and its client lost nothing" "$(cat "$tap_dir/out")" first

# Clients that wait in the queue when the signal comes: the server is stopped, they
# connect and send, and it finds the signal and them together.
serve --echo 127.0.0.1:0
kill -STOP "$server"
for i in 1 2 3 4 5; do
	echo "waits $i" | nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/queued.$i" &
	eval "client$i=\$!"
done
queued() {
	ss -ltnH "sport = :$port" | awk '{ exit !($2 == 5) }'
}
if within 10 queued; then
	pass "five clients wait in the queue"
else
	fail "five clients wait in the queue"
	note "$(ss -ltn "sport = :$port")"
fi
kill -TERM "$server"
kill -CONT "$server"
wait "$server"
is "the end comes after them" $? 0
for i in 1 2 3 4 5; do
	eval "wait \$client$i"
	is "queued client $i was served" "$(cat "$tap_dir/queued.$i")" "waits $i"
done

# What the system took of a backlog.
serve --echo --backlog 7 127.0.0.1:0
has "a backlog that fits" "$(cat "$log")" "backlog 7"
is "is the socket's" "$(ss -ltnH "sport = :$port" | awk '{ print $3 }')" 7
finish TERM
ceiling=$(cat /proc/sys/net/core/somaxconn)
serve --echo --backlog 100000000 127.0.0.1:0
has "a backlog that does not" "$(cat "$log")" \
	"backlog $ceiling (asked for 100000000; net.core.somaxconn allows $ceiling)"
finish TERM

# How the listeners end.  Which gate can be had is the kernel's to say: these need none, or
# say what they lack.
for method in shared until-empty; do
	serve -v --quiesce "$method" --echo 127.0.0.1:0
	is "--quiesce $method: it serves" \
		"$(echo ohai | nc.openbsd -N 127.0.0.1 "$port")" ohai
	finish TERM
	is "--quiesce $method: exit 0" "$status" 0
	has "--quiesce $method: and the method is named" "$(cat "$log")" \
		"hark: closed ($(echo "$method" | tr - ' ')) after "
done
serve -v --quiesce filter --echo 127.0.0.1:0
finish TERM
is "--quiesce filter: exit 0" "$status" 0
if grep -q '(EPERM)' "$log"; then
	has "--quiesce filter: what it takes is said" "$(cat "$log")" \
		"the filter needs CAP_NET_ADMIN"
else
	has "--quiesce filter: and the method is named" "$(cat "$log")" "hark: closed (filter) after "
fi
said=$(timeout 5 "$HARK" serve --quiesce steered "unix:$tap_dir/none" --echo 2>&1 </dev/null)
is "--quiesce steered: exit code" $? 100
has "--quiesce steered" "$said" \
	"cannot use the value of --quiesce, 'steered'; it is 'best', 'ghost', 'filter', 'shared' or 'until-empty'"

done_testing
